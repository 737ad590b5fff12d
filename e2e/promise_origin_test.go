//go:build linux

package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// attackPage tries whatever opens a stream from a page, and keeps what came of it.
const attackPage = `<!doctype html><title>another origin</title><script>
const target = new URLSearchParams(location.search).get("target") + "/events?room=lobby";
const attempt = (name, how) => new Promise((settled) => {
	how(settled);
	setTimeout(() => settled("is open"), 3000);
}).then((outcome) => name + " " + outcome);
const image = (policy) => (settled) => {
	const img = new Image();
	img.referrerPolicy = policy;
	img.onload = img.onerror = () => settled("is over");
	img.src = target;
};
globalThis.outcomes = Promise.all([
	attempt("EventSource", (settled) => {
		const events = new EventSource(target, { withCredentials: true });
		events.onopen = () => settled("is open");
		events.onerror = () => settled("is over");
	}),
	attempt("fetch", (settled) => fetch(target, { credentials: "include" }).then(() => settled("is open"), () => settled("is over"))),
	attempt("blind fetch", (settled) => fetch(target, { credentials: "include", mode: "no-cors" }).then((a) => a.text()).then(() => settled("is over"), () => settled("is over"))),
	attempt("image", image("unsafe-url")),
	attempt("image without referrer", image("no-referrer")),
]).then((all) => all.join(", "));
</script>`

// attackFromPage serves attackPage on a port of its own and opens it in the browser, before an
// instance that is reached under host. It returns what came of each attempt.
func attackFromPage(t *testing.T, browser *chromium, host string, one *instance) (outcomes []string) {
	t.Helper()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(attackPage))
	}))
	t.Cleanup(elsewhere.Close)
	port := elsewhere.Listener.Addr().(*net.TCPAddr).Port
	ctx, cancel := chromedp.NewContext(browser.ctx) // whose console is full of refusals
	t.Cleanup(func() {
		closing, done := context.WithTimeout(ctx, 10*time.Second)
		defer done()
		if err := chromedp.Cancel(closing); err != nil {
			t.Logf("close the attacker: %v", err)
		}
		cancel()
		elsewhere.CloseClientConnections()
	})
	bounded, done := context.WithTimeout(ctx, patience)
	defer done()
	if err := chromedp.Do(bounded, chromedp.Navigate(fmt.Sprintf("http://%s:%d/?target=http://%s:%d", host, port, host, one.port))); err != nil {
		t.Fatalf("open the attacker's page: %v", err)
	}
	all, err := chromedp.Run(bounded, chromedp.Evaluate[string]("outcomes", chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("the attacker's page: %v", err)
	}
	return strings.Split(all, ", ")
}

// enterInBrowser gives the browser a session with a nickname, and no stream. What it opens
// is the instance's own origin.
func enterInBrowser(t *testing.T, browser *chromium, host string, one *instance, nickname string) *window {
	t.Helper()
	w := browser.open(nickname, fmt.Sprintf("http://%s:%d/readyz", host, one.port))
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	status, err := chromedp.Run(ctx, chromedp.Evaluate[int](
		`fetch("/nicknames", {method: "POST", body: new URLSearchParams({nickname: "`+nickname+`"})}).then((a) => a.status)`, chromedp.EvalAwaitPromise))
	if err != nil || status != http.StatusOK {
		t.Fatalf("%s enters: %d, %v", nickname, status, err)
	}
	return w
}

// Promise 1: nobody else reads under the reader's name, not even a page of another port,
// to which the browser sends the reader's cookie.
func TestPromise1_APageOfAnotherPortOpensNoStreamAsTheReader(t *testing.T) {
	t.Parallel()
	one := startInstance(t, startRedis(t).url(), "LEAVE_DELAY=0s")
	browser := startChromium(t)
	enterInBrowser(t, browser, "localhost", one, "ana")
	for _, outcome := range attackFromPage(t, browser, "localhost", one) {
		if strings.HasSuffix(outcome, "open") {
			t.Errorf("a page of another port: %s", outcome)
		}
	}
	names, participants, err := people(t.Context(), one.base, "lobby")
	if err != nil || len(names) != 0 || participants != 0 {
		t.Errorf("the room has %v, %d in all, %v", names, participants, err)
	}
}

// The same where browsers say less: over plain http, under another name than localhost. An
// image that hides where it stands opens a stream there, and is nobody.
func TestPromise1_OverPlainHTTPAPageOfAnotherPortIsNobody(t *testing.T) {
	t.Parallel()
	one := startInstance(t, startRedis(t).url(), "LEAVE_DELAY=0s")
	browser := startChromium(t)
	enterInBrowser(t, browser, insecureHost, one, "ana")
	for _, outcome := range attackFromPage(t, browser, insecureHost, one) {
		if strings.HasSuffix(outcome, "open") && outcome != "image without referrer is open" && outcome != "blind fetch is open" {
			t.Errorf("a page of another port: %s", outcome)
		}
	}
	if names, _, err := people(t.Context(), one.base, "lobby"); err != nil || len(names) != 0 {
		t.Errorf("the room has %v, %v", names, err)
	}
}

// The reader's own pages are known there all the same: their one stream, in a worker that
// the tabs share, is the reader's.
func TestPromise1_OverPlainHTTPAReadersOwnPageIsTheReaders(t *testing.T) {
	t.Parallel()
	one := startInstance(t, startRedis(t).url(), "LEAVE_DELAY=0s")
	browser := startChromium(t)
	enterInBrowser(t, browser, insecureHost, one, "ana")
	w := browser.open("the page", fmt.Sprintf("http://%s:%d/", insecureHost, one.port))
	w.await("the stream", `document.querySelector("#connection")?.dataset.state === "live"`)
	eventually(t, patience, "ana is there", func() error {
		names, participants, err := people(t.Context(), one.base, "lobby")
		if err == nil && (!slices.Equal(names, []string{"ana"}) || participants != 1) {
			err = fmt.Errorf("the room has %v, %d in all", names, participants)
		}
		return err
	})
}

// Promise 1: a page whose name somebody points at the server (DNS rebinding) is turned away.
func TestPromise1_ANameThatIsNotOursIsRefused(t *testing.T) {
	t.Parallel()
	one := startInstance(t, startRedis(t).url(), "HOSTS=chat.example")
	for _, path := range []string{"/", "/messages", "/events", "/participants"} {
		if a := rawExchange(t, strings.TrimPrefix(one.base, "http://"), "GET "+path+" HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(a, "HTTP/1.1 421 ") || !strings.Contains(a, "unknown_host") {
			t.Errorf("%s for another name: %.200s", path, a)
		}
	}
	if a := rawExchange(t, strings.TrimPrefix(one.base, "http://"), "GET /messages HTTP/1.1\r\nHost: chat.example\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(a, "HTTP/1.1 200 ") {
		t.Errorf("for ours: %.200s", a)
	}
}
