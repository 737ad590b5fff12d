package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"causette/sse"
	"causette/store"
)

// What a browser says of a request, and whether the session's cookie counts in it.
func TestOrigin_ACookieCountsOnlyWhereAPageOfOursOrTheReaderSendsIt(t *testing.T) {
	const own, other = "http://chat.test:4100", "http://chat.test:8301"
	for _, test := range []struct {
		name, method, path                         string
		site, mode, dest, origin, referer, upgrade string
		counts                                     bool
	}{
		{name: "a page's fetch", method: "GET", path: "/participants", site: "same-origin", mode: "cors", counts: true},
		{name: "a page's stream", method: "GET", path: "/events", site: "same-origin", mode: "cors", counts: true},
		{name: "a page's post", method: "POST", path: "/messages", site: "same-origin", origin: own, counts: true},
		{name: "an address that was typed", method: "GET", path: "/", site: "none", mode: "navigate", dest: "document", counts: true},
		{name: "a link of another site", method: "GET", path: "/", site: "cross-site", mode: "navigate", dest: "document", counts: true},
		{name: "a link of another port", method: "HEAD", path: "/rooms/go", site: "same-site", mode: "navigate", dest: "document", counts: true},
		{name: "a link to the stream", method: "GET", path: "/events", site: "cross-site", mode: "navigate", dest: "document"},
		{name: "a form of another site", method: "POST", path: "/messages", site: "cross-site", mode: "navigate", dest: "document", origin: other},
		{name: "a frame of another port", method: "GET", path: "/", site: "same-site", mode: "navigate", dest: "iframe"},
		{name: "an embedded object", method: "GET", path: "/", site: "same-site", mode: "navigate", dest: "object"},
		{name: "an image of another port", method: "GET", path: "/", site: "same-site", mode: "no-cors", dest: "image"},
		{name: "an image of another site", method: "GET", path: "/", site: "cross-site", mode: "no-cors", dest: "image"},
		{name: "a fetch of another port", method: "GET", path: "/participants", site: "same-site", mode: "cors", origin: other},
		{name: "a stream of another port", method: "GET", path: "/events", site: "same-site", mode: "cors", origin: other},
		{name: "a stream of another port that names ours", method: "GET", path: "/events", site: "same-site", mode: "cors", origin: own, referer: own + "/"},
		{name: "a site that is not known yet", method: "GET", path: "/", site: "same-party", mode: "no-cors"},
		{name: "an image that asks to be upgraded", method: "GET", path: "/", site: "same-site", mode: "no-cors", dest: "image", upgrade: "1"},

		{name: "plain http: a page's stream", method: "GET", path: "/events", referer: own + "/rooms/go", counts: true},
		{name: "plain http: a worker's stream", method: "GET", path: "/events", referer: own + "/assets/js/worker.js", counts: true},
		{name: "plain http: a page's post", method: "POST", path: "/messages", origin: own, referer: own + "/", counts: true},
		{name: "plain http: a page's fetch", method: "GET", path: "/participants", referer: own + "/", counts: true},
		{name: "plain http: an address that was typed", method: "GET", path: "/", upgrade: "1", counts: true},
		{name: "plain http: a link of another page", method: "GET", path: "/", referer: other + "/", upgrade: "1", counts: true},
		{name: "plain http: an image of another page", method: "GET", path: "/", referer: other + "/"},
		{name: "plain http: an image on the stream", method: "GET", path: "/events", referer: other + "/"},
		{name: "plain http: the same, without a referrer", method: "GET", path: "/events"},
		{name: "plain http: a stream of another page", method: "GET", path: "/events", origin: other, referer: other + "/"},
		{name: "plain http: a link to the stream", method: "GET", path: "/events", referer: other + "/", upgrade: "1"},
		{name: "plain http: a post of another page", method: "POST", path: "/messages", origin: other},
		{name: "plain http: a post of a sandboxed page", method: "POST", path: "/messages", origin: "null"},
		{name: "plain http: a post of an old browser, from another page", method: "POST", path: "/messages", referer: other + "/"},
		{name: "plain http: a fetch that calls itself a link", method: "GET", path: "/", origin: other, upgrade: "1"},
		{name: "behind a proxy that does not say https", method: "POST", path: "/messages", origin: "https://chat.test:4100", counts: true},
		{name: "the same host in capitals", method: "POST", path: "/messages", origin: "http://CHAT.test:4100", counts: true},
		{name: "a host that begins alike", method: "POST", path: "/messages", origin: own + ".evil.example"},
		{name: "our host as a user name", method: "GET", path: "/events", referer: "http://chat.test:4100@evil.example/"},
		{name: "our host without the port", method: "GET", path: "/events", referer: "http://chat.test/"},
		{name: "a referrer that is none", method: "GET", path: "/events", referer: "chat.test:4100"},

		{name: "a program's post", method: "POST", path: "/messages", counts: true},
		{name: "a program's look at the page", method: "GET", path: "/", counts: true},
		{name: "a program's stream", method: "GET", path: "/events"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, "http://chat.test:4100"+test.path, nil)
			for name, value := range map[string]string{
				"Sec-Fetch-Site": test.site, "Sec-Fetch-Mode": test.mode, "Sec-Fetch-Dest": test.dest,
				"Origin": test.origin, "Referer": test.referer, "Upgrade-Insecure-Requests": test.upgrade,
			} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			if got := cookieCounts(r); got != test.counts {
				t.Errorf("counts: %v, want %v", got, test.counts)
			}
		})
	}
}

func TestOrigin_ANullOriginIsNobodysEvenWithoutAHost(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/messages", nil)
	r.Host = ""
	r.Header.Set("Origin", "null")
	if cookieCounts(r) {
		t.Error("it counts")
	}
}

// A page of another origin opens a stream only if CORS_ORIGINS names it, and then as nobody.
func TestOrigin_AStreamOfAnotherOriginIsRefusedOrNobodys(t *testing.T) {
	const friend, stranger = "http://localhost:8301", "http://localhost:8302"
	s := newServerWith(t, sse.Options{}, func(o *Options, _ *store.Options) { o.CORSOrigins = []string{friend} })
	cookie := cookieOf(t, s.post("/nicknames", "", `{"nickname":"ana"}`).expect(t, 200))
	token := s.join("bob").Token
	type header = map[string]string
	for _, test := range []struct {
		name   string
		header header
		status int
		who    string // the nickname that hello says
	}{
		{"our own page", header{"Sec-Fetch-Site": "same-origin"}, 200, "ana"},
		{"another port, named", header{"Sec-Fetch-Site": "same-site", "Origin": friend}, 200, ""},
		{"another site, named", header{"Sec-Fetch-Site": crossSite, "Origin": friend}, 200, ""},
		{"named, by a browser that says no more", header{"Origin": friend}, 200, ""},
		{"named, with a token", header{"Sec-Fetch-Site": "same-site", "Origin": friend, "Authorization": "Bearer " + token}, 200, "bob"},
		{"another port", header{"Sec-Fetch-Site": "same-site", "Origin": stranger}, 403, ""},
		{"another port, as an image", header{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "image"}, 403, ""},
		{"another port, with a token", header{"Sec-Fetch-Site": "same-site", "Origin": stranger, "Authorization": "Bearer " + token}, 403, ""},
		{"by a browser that says no more", header{"Origin": stranger}, 403, ""},
		{"an image, by a browser that says no more", header{"Referer": stranger + "/"}, 403, ""},
		{"a program with a jar", header{}, 200, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.header["Cookie"] = cookie
			events := s.open("/events", test.header)
			defer events.close()
			if events.res.StatusCode != test.status {
				t.Fatalf("status %d, want %d", events.res.StatusCode, test.status)
			}
			if test.status != http.StatusOK {
				return
			}
			hello := events.next(t)
			if test.who != "" && !strings.Contains(hello, `"nickname":"`+test.who+`"`) || test.who == "" && strings.Contains(hello, `"nickname"`) {
				t.Errorf("hello: %s", hello)
			}
		})
	}
}

// The same for what is written: refused, or said without the session.
func TestOrigin_AWriteOfAnotherOriginIsRefusedOrNobodys(t *testing.T) {
	const friend = "http://localhost:8301"
	s := newServer(t, func(o *Options, _ *store.Options) { o.CORSOrigins = []string{friend} })
	cookie := cookieOf(t, s.post("/nicknames", "", `{"nickname":"ana"}`).expect(t, 200))
	write := func(path, body, origin string) answer {
		return s.do(request{method: http.MethodPost, path: path, body: body, header: map[string]string{
			"Content-Type": "application/json", "Cookie": cookie, "Sec-Fetch-Site": "same-site", "Origin": origin,
		}})
	}
	write("/messages", `{"text":"it is me"}`, "http://localhost:8302").expectProblem(t, 403, "cross_origin")
	write("/messages", `{"text":"it is me"}`, friend).expectProblem(t, 422, "nickname_required")
	a := write("/nicknames", `{"nickname":"anna"}`, friend).expect(t, 200)
	if set := a.header.Values("Set-Cookie"); len(set) != 0 {
		t.Errorf("an allowed page replaces cookies: %q", set)
	}
	s.post("/nicknames", "", `{"nickname":"ana"}`).expectProblem(t, 409, "nickname_taken") // ana was not renamed
}

// No page of another origin makes the page set or replace a cookie.
func TestOrigin_ThePageSetsNoCookieForAPageOfAnotherOrigin(t *testing.T) {
	s := newServer(t)
	type header = map[string]string
	for name, test := range map[string]struct {
		header header
		set    bool
	}{
		"an image of another port":    {header{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, false},
		"an image over plain http":    {header{"Referer": "http://localhost:8301/"}, false},
		"a frame":                     {header{"Sec-Fetch-Site": crossSite, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, false},
		"a link":                      {header{"Sec-Fetch-Site": crossSite, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, true},
		"an address that was typed":   {header{"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, true},
		"a program that says nothing": {header{}, true},
	} {
		a := s.do(request{method: http.MethodGet, path: "/?lang=fr", header: test.header}).expect(t, 200)
		if got := a.header.Values("Set-Cookie"); len(got) > 0 != test.set {
			t.Errorf("%s: cookies %q", name, got)
		}
	}
}
