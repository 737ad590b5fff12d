package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/goleak"

	"causette/addr"
	"causette/sse"
	"causette/store"
)

// TestMain fails if a test left a goroutine. It looks more than once: a client of
// go-redis whose server went away notices only within a second that it was closed.
func TestMain(m *testing.M) {
	code := m.Run()
	var leak error
	for range 5 {
		if leak = goleak.Find(); leak == nil { // waits for about half a second
			break
		}
	}
	if code == 0 && leak != nil {
		fmt.Fprintln(os.Stderr, leak)
		code = 1
	}
	os.Exit(code)
}

const testSecret = "a secret of more than thirty-two characters"

// server is a whole API on a Redis of its own.
type server struct {
	t     *testing.T
	url   string
	redis *miniredis.Miniredis
	store *store.Store
	log   *lockedBuffer
	count *prometheus.Registry
}

// lockedBuffer is a log that a test may read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// newServer starts one; change adjusts its options before it is built.
func newServer(t *testing.T, change ...func(*Options, *store.Options)) *server {
	t.Helper()
	return newServerWith(t, sse.Options{}, change...)
}

// newServerWith is newServer with a hub of these options.
func newServerWith(t *testing.T, ho sse.Options, change ...func(*Options, *store.Options)) *server {
	t.Helper()
	s := &server{t: t, redis: miniredis.RunT(t), log: &lockedBuffer{}}
	log := slog.New(slog.NewTextHandler(s.log, nil))
	client, err := store.Dial("redis://" + s.redis.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	registry := prometheus.NewRegistry()
	s.count = registry
	so := store.Options{Instance: "test", NoticeLimit: 100, Log: log}
	o := Options{
		Instance: "test", SessionSecrets: []string{testSecret}, Registry: registry, Log: log,
		TrustedProxies: addr.Ranges{netip.MustParsePrefix("127.0.0.0/8")},
		Embedded:       func() bool { return false }, Draining: func() bool { return false },
	}
	for _, f := range change {
		f(&o, &so)
	}
	s.store = store.New(client, so)
	o.Store = s.store
	ho.Log, ho.Metrics = log, sse.NewMetrics(registry)
	o.Hub = sse.NewHub(ho, s.store, s.store)
	handler, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.serve(handler, o.Hub)
	return s
}

// metrics are all that is counted, as Prometheus reads it.
func (s *server) metrics() string {
	s.t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(s.count, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

func (s *server) serve(handler http.Handler, hub *sse.Hub) {
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.store.Run(ctx) }()
	web := httptest.NewServer(handler)
	s.url = web.URL
	s.t.Cleanup(func() {
		web.CloseClientConnections()
		web.Close()
		hub.Close()
		end()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
	})
}

// request is one HTTP request of a test.
type request struct {
	method, path, body string
	header             map[string]string
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (s *server) do(r request) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), r.method, s.url+r.path, strings.NewReader(r.body))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
		if name == "Host" {
			req.Host = value
		}
	}
	client := http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DisableKeepAlives: true},
	}
	res, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{status: res.StatusCode, header: res.Header, body: string(body)}
}

// post sends a JSON body, with a bearer token if token is not empty.
func (s *server) post(path, token, body string) answer {
	s.t.Helper()
	header := map[string]string{"Content-Type": "application/json"}
	if token != "" {
		header["Authorization"] = "Bearer " + token
	}
	return s.do(request{method: http.MethodPost, path: path, body: body, header: header})
}

func (s *server) get(path string) answer {
	s.t.Helper()
	return s.do(request{method: http.MethodGet, path: path})
}

// join takes a nickname in a new session.
func (s *server) join(nickname string) identity {
	s.t.Helper()
	return decode[identity](s.t, s.post("/nicknames", "", `{"nickname":"`+nickname+`"}`).expect(s.t, http.StatusOK))
}

// expect fails the test at another status.
func (a answer) expect(t *testing.T, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// expectProblem fails the test unless the answer is this problem.
func (a answer) expectProblem(t *testing.T, status int, code string) Problem {
	t.Helper()
	p := decode[Problem](t, a)
	if a.status != status || p.Status != status || p.Code != code || p.Detail == "" || p.Title == "" ||
		a.header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("want problem %d %s, got %d %s", status, code, a.status, a.body)
	}
	return p
}

func decode[T any](t *testing.T, a answer) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%q: %v", a.body, err)
	}
	return v
}

// eventually waits until a thing that another goroutine does has happened.
func eventually(t *testing.T, happened func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for look := time.NewTicker(5 * time.Millisecond); ; {
		if happened() {
			look.Stop()
			return
		}
		select {
		case <-look.C:
		case <-deadline:
			t.Fatal("it did not happen within 10 s")
		}
	}
}
