package api

import (
	"bufio"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"causette/store"
)

// The contract that /openapi.yaml serves names every route, and no other.
func TestOpenAPI_NamesEveryRoute(t *testing.T) {
	routes := regexp.MustCompile(`:(\w+)`)
	var served []string
	a := &API{}
	handler, err := a.routes()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range handler.(*gin.Engine).Routes() {
		if r.Method != http.MethodHead && !strings.HasPrefix(r.Path, "/assets/") && r.Path != "/favicon.ico" {
			served = append(served, strings.ToLower(r.Method)+" "+routes.ReplaceAllString(r.Path, "{$1}"))
		}
	}
	var documented []string
	path := ""
	for line := range strings.Lines(string(openAPI)) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "  /") {
			path = strings.TrimSuffix(strings.TrimSpace(line), ":")
		}
		if line == "    get:" || line == "    post:" {
			documented = append(documented, strings.Trim(line, " :")+" "+path)
		}
	}
	slices.Sort(served)
	slices.Sort(documented)
	if !slices.Equal(served, documented) {
		t.Errorf("served\n%s\ndocumented\n%s", strings.Join(served, "\n"), strings.Join(documented, "\n"))
	}
	if got := newServer(t).get("/openapi.yaml").expect(t, 200).body; got != string(openAPI) {
		t.Error("another document is served")
	}
}

func TestHead_AnswersWhereGetDoes(t *testing.T) {
	s := newServer(t)
	eventually(t, s.store.Up)
	for _, path := range []string{"/", "/healthz", "/readyz", "/messages"} {
		if a := s.do(request{method: http.MethodHead, path: path}).expect(t, 200); a.body != "" {
			t.Errorf("%s: body %q", path, a.body)
		}
	}
}

func TestHealth_TellsLifeFromReadiness(t *testing.T) {
	draining := false
	s := newServer(t, func(o *Options, _ *store.Options) {
		o.Draining = func() bool { return draining }
		o.Embedded = func() bool { return true }
	})
	eventually(t, s.store.Up)
	if r := decode[readiness](t, s.get("/readyz").expect(t, 200)); r != (readiness{"ready", "up", true, "test"}) {
		t.Errorf("ready: %+v", r)
	}
	draining = true
	if r := decode[readiness](t, s.get("/readyz").expect(t, 503)); r.Status != "draining" {
		t.Errorf("draining: %+v", r)
	}
	s.get("/healthz").expect(t, 200)
}

func TestMetrics_CountPostsByResult(t *testing.T) {
	s := newServer(t)
	token := s.join("ana").Token
	s.post("/messages", token, `{"text":"a","nonce":"1"}`)
	s.post("/messages", token, `{"text":"a","nonce":"1"}`)
	s.post("/messages", token, `{"text":""}`)
	metrics := s.metrics()
	for _, want := range []string{
		`causette_posts_total{result="accepted"} 1`, `causette_posts_total{result="duplicate"} 1`, `causette_posts_total{result="text_empty"} 1`,
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
}

// stream is an open event stream of a test.
type stream struct {
	res    *http.Response
	blocks *bufio.Scanner
}

// open starts a stream; its answer's headers are there when it returns.
func (s *server) open(path string, header map[string]string) *stream {
	s.t.Helper()
	// What is waited for and does not come fails the test, and not the whole run.
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	s.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	scanner := bufio.NewScanner(res.Body)
	scanner.Split(func(data []byte, _ bool) (int, []byte, error) {
		if i := strings.Index(string(data), "\n\n"); i >= 0 {
			return i + 2, data[:i], nil
		}
		return 0, nil, nil
	})
	return &stream{res: res, blocks: scanner}
}

func (e *stream) next(t *testing.T) string {
	t.Helper()
	if !e.blocks.Scan() {
		t.Fatalf("the stream ended: %v", e.blocks.Err())
	}
	return e.blocks.Text()
}

// until reads on to the first block that contains part.
func (e *stream) until(t *testing.T, part string) string {
	t.Helper()
	for {
		if block := e.next(t); strings.Contains(block, part) {
			return block
		}
	}
}

func (e *stream) close() { _ = e.res.Body.Close() }

func TestEvents_StreamWhatIsPosted(t *testing.T) {
	s := newServer(t)
	ana := s.join("ana")
	events := s.open("/events?room=tea", map[string]string{"Authorization": "Bearer " + ana.Token})
	defer events.close()
	if hello := events.next(t); !strings.Contains(hello, `"resume":"fresh"`) || !strings.Contains(hello, `"nickname":"ana"`) || !strings.Contains(hello, `"room":"tea"`) {
		t.Errorf("hello: %s", hello)
	}
	s.post("/messages", ana.Token, `{"text":"salut","room":"tea"}`).expect(t, 201)
	if m := events.until(t, "salut"); !strings.HasPrefix(m, "id: ") {
		t.Errorf("message: %s", m)
	}
	s.post("/typing", ana.Token, `{"room":"tea"}`).expect(t, 204)
	events.until(t, "event: typing")
	s.post("/nicknames", ana.Token, `{"nickname":"anna","room":"tea"}`).expect(t, 200)
	if n := events.until(t, "event: notice\ndata: {\"kind\":\"rename\""); !strings.Contains(n, `"was":"ana"`) {
		t.Errorf("notice: %s", n)
	}
	people := decode[roster](t, s.get("/participants?room=tea").expect(t, 200))
	if people.Participants != 1 || len(people.People) != 1 || people.People[0].Nickname != "anna" {
		t.Errorf("roster: %+v", people)
	}
	// The list of rooms follows the messages, within a second.
	eventually(t, func() bool {
		return strings.Contains(s.get("/rooms").expect(t, 200).body, `"room":"tea","participants":1`)
	})
}

func TestEvents_TheHeaderWinsOverTheQuery(t *testing.T) {
	s := newServer(t)
	token := s.join("ana").Token
	for _, text := range []string{"a", "b"} {
		s.post("/messages", token, `{"text":"`+text+`"}`).expect(t, 201)
	}
	first := decode[history](t, s.get("/messages?limit=1")).Before.String()
	start := decode[history](t, s.get("/messages?before="+first)).After.String()
	events := s.open("/events?last_event_id=0-0", map[string]string{"Last-Event-ID": start})
	defer events.close()
	if hello := events.next(t); !strings.Contains(hello, `"resume":"resumed"`) || !strings.Contains(hello, "id: "+start+"\n") {
		t.Errorf("hello: %s", hello)
	}
	if m := events.until(t, `"text"`); !strings.Contains(m, `"text":"b"`) {
		t.Errorf("first message: %s", m)
	}
}

func TestCORS_OnlyAllowedOriginsMayReadAndPost(t *testing.T) {
	const friend = "https://friend.example"
	s := newServer(t, func(o *Options, _ *store.Options) { o.CORSOrigins = []string{friend} })
	preflight := func(origin string) string {
		return s.do(request{method: http.MethodOptions, path: "/messages", header: map[string]string{
			"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type",
		}}).header.Get("Access-Control-Allow-Origin")
	}
	if got := preflight(friend); got != friend {
		t.Errorf("friend's preflight: %q", got)
	}
	if got := preflight("https://evil.example"); got != "" {
		t.Errorf("stranger's preflight: %q", got)
	}
	from := map[string]string{"Origin": friend, "Sec-Fetch-Site": crossSite, "Content-Type": "application/json"}
	s.do(request{method: "POST", path: "/messages", body: `{"nickname":"ana","text":"salut"}`, header: from}).expect(t, 201)
	events := s.open("/events", from)
	defer events.close()
	if got := events.res.Header.Get("Access-Control-Allow-Origin"); events.res.StatusCode != 200 || got != friend {
		t.Errorf("friend's stream: %d, %q", events.res.StatusCode, got)
	}
}

func TestLog_HoldsNoTextAndNoToken(t *testing.T) {
	s := newServer(t)
	token := s.join("ana").Token
	s.post("/messages", token, `{"text":"a secret thing"}`).expect(t, 201)
	s.do(request{method: "POST", path: "/messages?text=another+secret", header: map[string]string{"Authorization": "Bearer " + token}}).expect(t, 201)
	// A line is written after its answer was sent.
	eventually(t, func() bool { return strings.Count(s.log.String(), "path=/messages status=201") == 2 })
	if log := s.log.String(); strings.Contains(log, "secret") || strings.Contains(log, token) {
		t.Errorf("log:\n%s", log)
	}
}

func TestPanics_AreAProblemAndALine(t *testing.T) {
	var log lockedBuffer
	a := &API{log: slog.New(slog.NewTextHandler(&log, nil))}
	g := gin.New()
	g.Use(a.identify, a.recoverPanics)
	g.GET("/", func(*gin.Context) { panic("oh") })
	w := httptest.NewRecorder()
	g.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), `"code":"internal"`) || strings.Contains(w.Body.String(), "oh") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "cause=oh") || !strings.Contains(log.String(), "routes_test.go") {
		t.Errorf("log: %s", log.String())
	}
}

func TestEvents_ATurnToOpenEndsWithTheHelloOrByItself(t *testing.T) {
	s := newServer(t)
	for range 3 * openingAtOnce { // each of which goes on after its hello
		events := s.open("/events", nil)
		t.Cleanup(events.close)
		events.next(t)
	}
	synctest.Test(t, func(t *testing.T) {
		a := &API{reads: newReads()}
		c, _ := gin.CreateTestContext(httptest.NewRecorder())
		c.Request = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/events", nil)
		for range openingAtOnce { // and these never come to theirs
			if _, err := a.takeOpening(c, "192.0.2.1"); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		greeted, err := a.takeOpening(c, "192.0.2.2")
		if err != nil || time.Since(began) != openingTurn {
			t.Fatalf("the next waited %s, %v", time.Since(began), err)
		}
		greeted()
		greeted() // it may be said twice
	})
}
