//go:build linux

package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// patience bounds each step in the browser.
const patience = 15 * time.Second

// window is one page. Whatever goes wrong in it fails the test: an exception,
// an error in the console, a violation of the policy, a request to others.
type window struct {
	// Static after construction.
	t     *testing.T
	ctx   context.Context
	close func()
	// noScript says that the page's scripts do not run.
	noScript bool

	mu       sync.Mutex
	console  []string // guarded by mu
	foreign  []string // guarded by mu
	failures bool     // guarded by mu: failed requests are part of the test
}

// look is how a window looks at the page.
type look struct {
	width, height int64
	scheme        string // "light", "dark"
	lang          string // "en", "fr"
	touch         bool
	features      map[string]string
	// before runs in the page before any script of its own.
	before   string
	noScript bool
}

func (l look) withDefaults() look {
	if l.width == 0 {
		l.width, l.height = 800, 600
	}
	if l.scheme == "" {
		l.scheme = "light"
	}
	if l.lang == "" {
		l.lang = "en"
	}
	return l
}

// open opens a window as a reader of their own.
func open(t *testing.T, url string, looks ...look) *window {
	t.Helper()
	root, err := browser()
	if err != nil {
		t.Fatal(err)
	}
	return openIn(t, root, url, []chromedp.ContextOption{chromedp.WithNewBrowserContext()}, looks...)
}

// tab opens another window of the same reader.
func (w *window) tab(url string, looks ...look) *window {
	w.t.Helper()
	return openIn(w.t, w.ctx, url, []chromedp.ContextOption{chromedp.WithNewWindow(true)}, looks...)
}

func openIn(t *testing.T, parent context.Context, url string, o []chromedp.ContextOption, looks ...look) *window {
	t.Helper()
	var l look
	if len(looks) > 0 {
		l = looks[0]
	}
	l = l.withDefaults()
	ctx, cancel := chromedp.NewContext(parent, o...)
	w := &window{t: t, ctx: ctx, noScript: l.noScript}
	var watching sync.WaitGroup
	console := chromedp.Console(ctx)
	requests := chromedp.Events(ctx, network.RequestWillBeSent)
	watching.Go(func() { w.watchConsole(console) })
	watching.Go(func() {
		for e, err := range requests {
			if err != nil {
				return
			}
			if u := e.Request.URL; !strings.HasPrefix(u, "http://127.0.0.1:") && !strings.HasPrefix(u, "http://"+insecureHost) && !strings.HasPrefix(u, "data:") {
				w.mu.Lock()
				w.foreign = append(w.foreign, u)
				w.mu.Unlock()
			}
		}
	})
	w.close = sync.OnceFunc(func() {
		closing, done := context.WithTimeout(ctx, 10*time.Second)
		_ = chromedp.Cancel(closing)
		done()
		cancel()
		watching.Wait()
		w.check()
	})
	t.Cleanup(w.close)
	w.prepare(l)
	w.do("navigate to "+url, chromedp.Navigate(url))
	return w
}

func (w *window) watchConsole(console func(func(chromedp.ConsoleMessage, error) bool)) {
	for m, err := range console {
		if err != nil {
			return
		}
		switch m.Type {
		case chromedp.ConsoleWarning, chromedp.ConsoleError, chromedp.ConsoleException:
			w.mu.Lock()
			if m.Source != "network" || !w.failures {
				w.console = append(w.console, fmt.Sprintf("%s %s: %s", m.Type, m.Source, m.Text))
			}
			w.mu.Unlock()
		}
	}
}

func (w *window) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, line := range w.console {
		w.t.Errorf("console: %s", line)
	}
	for _, u := range w.foreign {
		w.t.Errorf("a request to others: %s", u)
	}
}

// provoke says that requests will fail from here on, which Chromium writes into
// the console whatever the page does.
func (w *window) provoke() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failures = true
}

func (w *window) prepare(l look) {
	w.t.Helper()
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}
	for name, value := range l.features {
		features = append(features, &emulation.MediaFeature{Name: name, Value: value})
	}
	w.do("prepare",
		send(network.Enable, network.EnableParams{}),
		send(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}),
		send(network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": l.lang}}),
		send(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
			addEventListener("securitypolicyviolation", (e) => console.error("policy: " + e.violatedDirective + " " + e.blockedURI));
			// Headless Chromium hides no page: what a hidden one reports is said here, and what
			// the page does then is its own.
			globalThis.hide = (hidden) => {
				Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
				Object.defineProperty(document, "visibilityState", { configurable: true, get: () => hidden ? "hidden" : "visible" });
				document.dispatchEvent(new Event("visibilitychange"));
			};
			globalThis.rows = () => [...document.querySelectorAll("#rows .message")];
			globalThis.texts = () => rows().map((r) => r.querySelector(".text").textContent);
			globalThis.row = (text) => rows().find((r) => r.querySelector(".text").textContent === text);
			globalThis.box = (s) => (typeof s === "string" ? document.querySelector(s) : s).getBoundingClientRect();
			globalThis.shown = (s) => { const e = document.querySelector(s); return !!e && e.checkVisibility({ visibilityProperty: true }); };
			` + l.before}),
	)
	if l.noScript {
		w.do("switch scripts off", send(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	}
	if l.touch {
		w.do("be a phone", chromedp.EmulateViewport(l.width, l.height, chromedp.EmulateTouch, chromedp.EmulateMobile))
		return
	}
	w.resize(l.width, l.height)
}

// send is a protocol command whose answer does not matter.
func send[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, command, params)
		return chromedp.Void{}, err
	}
}

func (w *window) resize(width, height int64) {
	w.t.Helper()
	w.do("resize", chromedp.EmulateViewport(width, height))
}

func (w *window) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		w.t.Fatalf("%s: %v\n%s", what, err, w.describe())
	}
}

// js is the value of an expression in the page; of a promise, what it resolves to.
func js[T any](w *window, expression string) T {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, 2*patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		w.t.Fatalf("%s: %v\n%s", expression, err, w.describe())
	}
	return v
}

func (w *window) run(expression string) {
	w.t.Helper()
	js[bool](w, "(() => {"+expression+"; return true})()")
}

// want fails the test unless an expression is true now, or resolves to what is.
func (w *window) want(what, expression string) {
	w.t.Helper()
	if !js[bool](w, "Promise.resolve("+expression+").then(Boolean)") {
		w.t.Errorf("not so: %s\n%s\n%s", what, expression, w.describe())
	}
}

// await waits until an expression is true, or resolves to what is.
func (w *window) await(what, expression string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	if w.noScript { // no timers either
		eventually(w.t, func() error {
			if holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")")); err != nil || !holds {
				return fmt.Errorf("wait for %s: %w\n%s\n%s", what, err, expression, w.describe())
			}
			return nil
		})
		return
	}
	for {
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf(`new Promise((resolve) => {
			const end = Date.now() + 3000;
			const look = async () => {
				let holds = false;
				try { holds = Boolean(await (%s)) } catch {}
				if (holds || Date.now() > end) resolve(holds); else setTimeout(look, 10);
			};
			look();
		})`, expression), chromedp.EvalAwaitPromise))
		if err == nil && holds {
			return
		}
		if ctx.Err() != nil { // else it navigated meanwhile, or it is not yet so
			w.t.Fatalf("wait for %s: %v\n%s\n%s", what, err, expression, w.describe())
		}
	}
}

// frames waits until the page has been drawn n times.
func (w *window) frames(n int) {
	w.t.Helper()
	js[bool](w, fmt.Sprintf(`new Promise((done) => { let n = %d; const f = () => n-- > 0 ? requestAnimationFrame(f) : done(true); f(); })`, n))
}

// describe is the page's text as a person sees it, for a failure's report.
func (w *window) describe() string {
	ctx, cancel := context.WithTimeout(w.ctx, 2*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector("#connection")?.dataset.state + "\n" + document.body?.innerText.replaceAll(/\s+/g, " ").slice(-600)`))
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprintf("the page shows (%v):\n%s\nconsole:\n%s", err, text, strings.Join(w.console, "\n"))
}

// live waits until the stream is there.
func (w *window) live() *window {
	w.t.Helper()
	w.state("live")
	return w
}

func (w *window) state(state string) {
	w.t.Helper()
	w.await("the state "+state, fmt.Sprintf(`document.querySelector("#connection")?.dataset.state === %q`, state))
}

// join takes a nickname.
func (w *window) join(name string) *window {
	w.t.Helper()
	w.live()
	w.do("join", chromedp.SendKeys(chromedp.ID("nickname"), name))
	w.press("Enter")
	w.await("the composer", `!document.querySelector("#composer").hidden && document.activeElement.id === "text"`)
	return w
}

// send writes into the composer and presses Enter.
func (w *window) send(text string) {
	w.t.Helper()
	w.do("send "+text, chromedp.SendKeys(chromedp.ID("text"), text))
	w.press("Enter")
}

// awaitText waits for a message.
func (w *window) awaitText(text string) {
	w.t.Helper()
	w.await("the message "+text, "row("+quote(text)+")")
}

// press presses a key as a keyboard does: Enter, Escape, Tab, PageUp, PageDown,
// ArrowUp, ArrowDown, or one character.
func (w *window) press(key string, modifiers ...int64) {
	w.t.Helper()
	down := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeRawKeyDown, Key: key, Code: key}
	if code, ok := map[string]int64{"Enter": 13, "Escape": 27, "Tab": 9, "PageUp": 33, "PageDown": 34, "ArrowUp": 38, "ArrowDown": 40, " ": 32}[key]; ok {
		down.WindowsVirtualKeyCode = code
	}
	for _, m := range modifiers {
		down.Modifiers |= m
	}
	switch {
	case key == "Enter":
		down.Type, down.Text = input.DispatchKeyEventTypeKeyDown, "\r"
	case len([]rune(key)) == 1:
		down.Type, down.Text = input.DispatchKeyEventTypeKeyDown, key
	}
	up := down
	up.Type, up.Text = input.DispatchKeyEventTypeKeyUp, ""
	w.do("press "+key, send(input.DispatchKeyEvent, down), send(input.DispatchKeyEvent, up))
}

func (w *window) click(id string) {
	w.t.Helper()
	w.do("click "+id, chromedp.Click(chromedp.ID(id)))
}

func (w *window) reload() {
	w.t.Helper()
	w.do("reload", chromedp.Reload())
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// chromeKeyboard resizes a phone's page, as an on-screen keyboard does with
// interactive-widget=resizes-content.
func chromeKeyboard(width, height int64) chromedp.Action[chromedp.Void] {
	return chromedp.EmulateViewport(width, height, chromedp.EmulateTouch, chromedp.EmulateMobile)
}

// clearCookie makes the reader a stranger again.
func clearCookie(port string) chromedp.Action[chromedp.Void] {
	return send(network.DeleteCookies, network.DeleteCookiesParams{Name: "causette-" + port, Domain: "127.0.0.1"})
}

const shift = 8
