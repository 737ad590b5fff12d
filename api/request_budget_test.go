package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"causette/sse"
	"causette/store"
)

func TestRequestBudget_WhoeverWaitsAsLongAsIsSaidGetsThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRequestBudget(10, 100)
		owner := b.account("192.0.2.1")
		for n := range 10 {
			if wait := owner.charge(10); wait != 0 {
				t.Fatalf("request %d waits %s", n, wait)
			}
		}
		for range 1000 { // and asks again and again meanwhile
			owner.charge(10)
		}
		wait := owner.charge(10)
		if wait < time.Second || wait > 4*time.Second { // a debt of a second's units, the last refusal's and the next request's
			t.Fatalf("the wait is %s", wait)
		}
		time.Sleep(wait)
		if again := owner.charge(10); again != 0 {
			t.Errorf("after %s it waits another %s", wait, again)
		}
		if wait := b.account("192.0.2.2").charge(10); wait != 0 {
			t.Errorf("somebody else waits %s", wait)
		}
	})
}

func TestRequestBudget_WhatAnAnswerCostIsChargedIntoDebt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		owner := newRequestBudget(10, 100).account("192.0.2.1")
		owner.chargeAfter(250)
		time.Sleep(15 * time.Second) // the debt is paid
		if wait := owner.charge(1); wait == 0 {
			t.Error("the debt was forgiven")
		}
	})
}

func TestRequestBudget_KeepsABoundedNumberOfAccounts(t *testing.T) {
	b := newRequestBudget(10, 100)
	for n := range maxAccounts + 100 {
		b.account(strconv.Itoa(n)).charge(100)
	}
	if n := b.accounts.Len(); n != maxAccounts {
		t.Errorf("%d accounts", n)
	}
	if wait := b.account(strconv.Itoa(maxAccounts + 99)).charge(100); wait == 0 {
		t.Error("the last one's account was not kept")
	}
}

func TestRequestBudget_ARefusalPausesAndNoMoreThanSoManyDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRequestBudget(10, 100)
		start, owner := time.Now(), b.account("192.0.2.1")
		for range maxPausedPerOwner {
			go owner.pause(t.Context())
		}
		synctest.Wait()
		owner.pause(t.Context())
		if took := time.Since(start); took != 0 {
			t.Errorf("one more waits %s", took)
		}
		b.account("192.0.2.2").pause(t.Context())
		if took := time.Since(start); took != refusalPause {
			t.Errorf("another's waits %s", took)
		}
		synctest.Wait()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		owner.pause(gone)
		if took := time.Since(start); took != refusalPause {
			t.Errorf("one who is gone is waited for: %s", took)
		}
		if mine, all := owner.paused.Load(), b.paused.Load(); mine != 0 || all != 0 {
			t.Errorf("%d of one, %d in all still wait", mine, all)
		}
	})
}

// withBudget is a server on which an address has so many units, and gets back next to nothing.
func withBudget(t *testing.T, burst int) *server {
	t.Helper()
	return newServerWith(t, sse.Options{}, func(o *Options, _ *store.Options) { o.RequestRate, o.RequestBurst = 0.01, burst })
}

// from is a GET of an address, through a trusted proxy.
func (s *server) from(address, path string, header ...string) answer {
	s.t.Helper()
	all := map[string]string{"X-Forwarded-For": address}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		all[name] = value
	}
	return s.do(request{method: http.MethodGet, path: path, header: all})
}

func TestRequestBudget_PastItEverythingIsRefusedInTheFormThatIsWanted(t *testing.T) {
	s := withBudget(t, 100)
	const spender = "192.0.2.1"
	for range 9 { // of 10 units each, and one for their bytes
		s.from(spender, "/").expect(t, 200)
	}
	s.from(spender, "/nothing").expect(t, 404)
	begun := time.Now()
	a := s.from(spender, "/rooms")
	a.expectProblem(t, http.StatusTooManyRequests, "rate_limited")
	if took := time.Since(begun); took < refusalPause/2 {
		t.Errorf("a refusal comes after %s", took)
	}
	wait := a.header.Get("Retry-After")
	if !regexp.MustCompile(`^[1-9]\d*$`).MatchString(wait) || a.header.Get("RateLimit-Policy") != `"requests";q=100;w=10000` ||
		a.header.Get("RateLimit") != `"requests";r=0;t=`+wait {
		t.Errorf("the headers are %v", a.header)
	}
	page := s.from(spender, "/rooms/go", "Accept: text/html", "Accept-Language: fr").expect(t, http.StatusTooManyRequests)
	if !strings.Contains(page.body, "Trop vite") || !strings.Contains(page.body, `href="/rooms/go"`) || page.header.Get("Retry-After") == "" ||
		!strings.HasPrefix(page.header.Get("Content-Type"), "text/html") {
		t.Errorf("the page is %s", page.body)
	}
	events := s.open("/events", map[string]string{"X-Forwarded-For": spender})
	defer events.close()
	if bye := events.next(t); events.res.StatusCode != http.StatusOK || !strings.Contains(bye, `{"reason":"full"}`) {
		t.Errorf("the stream: %d, %s", events.res.StatusCode, bye)
	}
	for _, path := range []string{"/healthz", "/nothing", "/assets/nothing"} {
		s.from(spender, path).expect(t, http.StatusTooManyRequests)
	}
	s.from("192.0.2.2", "/").expect(t, 200)
	if m := s.metrics(); !strings.Contains(m, "causette_requests_refused_total 6\n") {
		t.Error("the refusals were not counted")
	}
}

// A load balancer in the same place as its readers, who have no address of their own, is
// answered whatever they spend; but not without end.
func TestRequestBudget_AProxysProbesHaveTheirOwn(t *testing.T) {
	s := withBudget(t, 100)
	for range 100 {
		s.get("/nothing").expect(t, 404)
	}
	s.get("/nothing").expect(t, http.StatusTooManyRequests)
	for range 100 {
		s.get("/healthz").expect(t, 200)
	}
	s.get("/healthz").expect(t, http.StatusTooManyRequests)
}

func TestRequestBudget_RefusalsAreChargedWhateverTheyAreFor(t *testing.T) {
	for _, r := range []request{
		{method: http.MethodGet, path: "/nothing"},
		{method: http.MethodDelete, path: "/messages"},
		{method: http.MethodGet, path: "/messages?limit=x"},
		{method: http.MethodGet, path: "/events?room=-"},
		{method: http.MethodPost, path: "/messages", body: `{`},
		{method: http.MethodPost, path: "/messages", body: `{"text":"a"}`, header: map[string]string{"Sec-Fetch-Site": crossSite}},
		{method: http.MethodPost, path: "/messages", body: `{"text":"a"}`, header: map[string]string{"Authorization": "Bearer x"}},
		{method: http.MethodGet, path: "/?" + strings.Repeat("a", maxURL)},
		{method: http.MethodGet, path: "/healthz", header: map[string]string{"X-Forwarded-For": "192.0.2.1"}},
	} {
		s := newServer(t, func(o *Options, _ *store.Options) { o.RequestRate, o.RequestBurst = 0.01, 100 })
		before := s.metrics()
		s.do(r)
		if !strings.Contains(before, "causette_request_units_total 0\n") || strings.Contains(s.metrics(), "causette_request_units_total 0\n") {
			t.Errorf("%s %.40s costs nothing", r.method, r.path)
		}
	}
}

func TestRequestBudget_PreflightsAreChargedAndAnAllowedPageReadsWhyItIsRefused(t *testing.T) {
	const friend = "https://friend.example"
	s := newServer(t, func(o *Options, _ *store.Options) {
		o.CORSOrigins, o.RequestRate, o.RequestBurst = []string{friend}, 0.01, 100
	})
	preflight := request{method: http.MethodOptions, path: "/messages", header: map[string]string{
		"Origin": friend, "Access-Control-Request-Method": "POST",
	}}
	for range 100 {
		s.do(preflight).expect(t, http.StatusNoContent)
	}
	s.do(preflight).expect(t, http.StatusTooManyRequests)
	a := s.do(request{method: http.MethodGet, path: "/messages", header: map[string]string{"Origin": friend, "Sec-Fetch-Site": crossSite}})
	a.expectProblem(t, http.StatusTooManyRequests, "rate_limited")
	if a.header.Get("Access-Control-Allow-Origin") != friend {
		t.Errorf("the headers are %v", a.header)
	}
}

func TestRequestCost_FollowsTheWork(t *testing.T) {
	s := newServer(t, func(o *Options, _ *store.Options) { o.RequestRate, o.RequestBurst = 0.01, 10000 })
	spent := 0
	for _, test := range []struct {
		method, path, accept string
		units                int
	}{
		{"GET", "/healthz", "", 1},
		{"GET", "/nothing", "", 1}, {"DELETE", "/messages", "", 1}, {"GET", "/assets/nothing", "", 1},
		{"POST", "/messages", "", 1}, {"POST", "/messages", "text/html", pageUnits}, {"POST", "/typing", "text/html", 1},
		{"GET", "/participants", "", 2}, {"GET", "/rooms", "", 5}, {"GET", "/rooms?room=-", "text/html", pageUnits}, {"HEAD", "/rooms", "", 5},
		{"GET", "/messages", "", 2 + 2}, {"GET", "/messages?limit=200", "", 2 + 10}, {"HEAD", "/messages?limit=200", "", 2 + 10},
		{"GET", "/messages?limit=9999999", "", 2 + most/20}, {"GET", "/messages?limit=-5", "", 2}, {"GET", "/messages?limit=x", "", 2 + 2},
		{"GET", "/events?room=-", "", 2}, {"GET", "/events?room=-&history=0", "", 2}, {"GET", "/events?room=-&history=500", "", 2 + 22},
	} {
		a := s.do(request{method: test.method, path: test.path, header: map[string]string{"Accept": test.accept}})
		spent += test.units + len(a.body)/unitBytes
		eventually(t, func() bool { return s.units() >= spent }) // bytes are charged when they are sent
		if got := s.units(); got != spent {
			t.Fatalf("%s %s costs %d units more than the %d it should", test.method, test.path, got-spent, test.units)
		}
	}
}

func TestRequestCost_ALongHeaderIsPaidForByItsBytes(t *testing.T) {
	s := newServer(t, func(o *Options, _ *store.Options) { o.RequestRate, o.RequestBurst = 0.01, 10000 })
	long := strings.Repeat("x", 10*headerUnitBytes)
	s.do(request{method: "GET", path: "/healthz", header: map[string]string{"X-Long": long[:6*headerUnitBytes]}}).expect(t, 200)
	if units := s.units(); units != 1+6 {
		t.Errorf("a long header: %d units", units)
	}
	s.do(request{method: "GET", path: "/healthz?" + long[:5*headerUnitBytes]}).expect(t, 200)
	if units := s.units(); units != 1+6+1+5 {
		t.Errorf("a long address: %d units", units-7)
	}
}

func TestRequestCost_WhoRunsIntoAnotherLimitAndGoesOnPaysTenTimes(t *testing.T) {
	s := newServer(t, func(o *Options, so *store.Options) {
		o.RequestRate, o.RequestBurst = 0.01, 10000
		so.MessageRate, so.MessageBurst = 0.01, 1
	})
	s.post("/messages", "", `{"nickname":"ana","text":"salut"}`).expect(t, 201)
	before := s.units()
	s.post("/messages", "", `{"nickname":"ana","text":"again"}`).expect(t, 429)
	eventually(t, func() bool { return s.units() >= before+1+limitedUnits })
	if units := s.units() - before; units != 1+limitedUnits {
		t.Errorf("it costs %d units", units)
	}
}

func TestRequestCost_WhatAStreamOpensAndARenameTellsIsPaidFor(t *testing.T) {
	s := newServer(t, func(o *Options, _ *store.Options) { o.RequestRate, o.RequestBurst = 0.01, 10000 })
	ana := s.join("ana")
	bearer := map[string]string{"Authorization": "Bearer " + ana.Token}
	before := s.units()
	for _, test := range []struct {
		path  string
		units int
	}{{"/events?room=one", 2 + openingUnits}, {"/events?room=one", 2}, {"/events?room=two", 2 + openingUnits}} {
		events := s.open(test.path, bearer)
		t.Cleanup(events.close)
		events.next(t)
		if units := s.units() - before; units != test.units {
			t.Errorf("%s costs %d units, want %d", test.path, units, test.units)
		}
		before = s.units()
	}
	s.post("/nicknames", ana.Token, `{"nickname":"anna"}`).expect(t, 200)
	if units := s.units() - before; units != 1+2 {
		t.Errorf("a rename in two rooms costs %d units", units)
	}
}

func TestRequestCost_ABodyThatIsTooLongIsPaidForByItsBytes(t *testing.T) {
	for name, body := range map[string]io.Reader{
		"of a given length": strings.NewReader(strings.Repeat("x", 1<<20)), "in chunks": io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20))),
	} {
		s := newServer(t, func(o *Options, _ *store.Options) { o.RequestRate, o.RequestBurst = 0.01, 10000 })
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/messages", body)
		if err != nil {
			t.Fatal(err)
		}
		res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		eventually(t, func() bool { return s.units() > 1 })
		if units, want := s.units(), 1+(1<<20)/unitBytes; res.StatusCode != http.StatusRequestEntityTooLarge || units != want {
			t.Errorf("%s: status %d, %d units, want %d", name, res.StatusCode, units, want)
		}
	}
}

// Two hundred people behind one address load the page in the same moment: what one of
// them asks for is a two-hundredth of what there is at once.
func TestRequestBudget_AnOfficeBehindOneAddressMayLoadThePageAtOnce(t *testing.T) {
	const people, defaultBurst = 200, 20000
	s := newServerWith(t, sse.Options{}, func(o *Options, _ *store.Options) { o.RequestRate, o.RequestBurst = 0.01, defaultBurst })
	for n := range pageMessages {
		body := fmt.Sprintf(`{"nickname":"ana","text":"%d %s"}`, n, strings.Repeat("words ", 30))
		s.do(request{method: http.MethodPost, path: "/messages", body: body, header: map[string]string{"X-Forwarded-For": "192.0.2.1"}}).expect(t, 201)
	}
	before := s.units()
	html := s.get("/").expect(t, 200).body
	assets := regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`).FindAllStringSubmatch(html, -1)
	slices.SortFunc(assets, func(a, b []string) int { return strings.Compare(a[1], b[1]) })
	assets = slices.CompactFunc(assets, func(a, b []string) bool { return a[1] == b[1] })
	if len(assets) < 10 {
		t.Fatalf("the page asks for %d files", len(assets))
	}
	for _, match := range assets {
		s.do(request{method: http.MethodGet, path: match[1], header: map[string]string{"Accept-Encoding": "gzip"}}).expect(t, 200)
	}
	for _, path := range []string{"/favicon.ico", "/participants", "/rooms", "/messages"} {
		s.get(path).expect(t, 200)
	}
	for range 3 { // the first, and two more before it is there
		events := s.open("/events?history=50", nil)
		events.next(t)
		events.close()
	}
	s.post("/nicknames", "", `{"nickname":"bob"}`).expect(t, 200)
	s.post("/messages", "", `{"nickname":"carl","text":"salut"}`).expect(t, 201)
	one := s.units() - before
	t.Logf("one person asks for %d units in %d files", one, len(assets))
	if one*people > defaultBurst {
		t.Errorf("one person asks for %d units, and %d people have %d", one, people, defaultBurst)
	}
}

// units are those charged so far.
func (s *server) units() int {
	s.t.Helper()
	match := regexp.MustCompile(`(?m)^causette_request_units_total (\S+)$`).FindStringSubmatch(s.metrics())
	if match == nil {
		s.t.Fatal("no units are counted")
	}
	units, err := strconv.ParseFloat(match[1], 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return int(units)
}

func TestLog_ALongPathIsCutBetweenLetters(t *testing.T) {
	s := newServer(t)
	s.get("/"+strings.Repeat("%C3%A9", 4000)).expect(t, 404)
	eventually(t, func() bool { return strings.Contains(s.log.String(), "status=404") })
	log := s.log.String()
	if !strings.Contains(log, "é…") || strings.Contains(log, "�") || strings.Contains(log, `\x`) || len(log) > 1000 {
		t.Errorf("%d bytes of log: %.400s", len(log), log)
	}
}
