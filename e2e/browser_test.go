//go:build linux

package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// insecureHost is a name of this machine that browsers do not hold for safe, as they do
// localhost: over plain http they say less of a request to it.
const insecureHost = "chat.test"

// chromium is a running browser; the windows of a test are its children.
type chromium struct {
	t   *testing.T
	ctx context.Context
}

// startChromium starts Debian's Chromium without a display.
func startChromium(t *testing.T) *chromium {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program(t, "chromium", "chromium")),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("lang", "en"),
		chromedp.Flag("host-resolver-rules", "MAP "+insecureHost+" 127.0.0.1"),
	)
	// t.Context() ends before t.Cleanup, in which the browser is still to be closed in order.
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		closing, done := context.WithTimeout(ctx, 10*time.Second)
		if err := chromedp.Cancel(closing); err != nil {
			t.Logf("close Chromium: %v", err)
		}
		done()
		cancel()
		cancelAllocator() // kills it if it is still there, and waits
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return &chromium{t: t, ctx: ctx}
}

// window is one page of the browser. What goes wrong in it fails the test.
type window struct {
	t     *testing.T
	name  string
	ctx   context.Context
	close func()

	mu      sync.Mutex
	console []string // guarded by mu; every warning and error
}

// open opens a page in a new window and watches its console.
func (c *chromium) open(name, url string) *window {
	c.t.Helper()
	ctx, cancel := chromedp.NewContext(c.ctx)
	w := &window{t: c.t, name: name, ctx: ctx}
	console := chromedp.Console(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		for m, err := range console {
			if err != nil {
				return
			}
			switch m.Type {
			case chromedp.ConsoleWarning, chromedp.ConsoleError, chromedp.ConsoleException:
				w.mu.Lock()
				w.console = append(w.console, fmt.Sprintf("%s: %s", m.Type, m.Text))
				w.mu.Unlock()
			}
		}
	})
	w.close = sync.OnceFunc(func() {
		closing, done := context.WithTimeout(ctx, 10*time.Second)
		if err := chromedp.Cancel(closing); err != nil {
			c.t.Logf("close %s: %v", name, err)
		}
		done()
		cancel()
		watching.Wait()
		w.checkConsole()
	})
	c.t.Cleanup(w.close)
	w.do("navigate to "+url, chromedp.Navigate(url))
	return w
}

// checkConsole fails the test for each warning, error, exception and violation
// of the content security policy, which Chromium reports as errors.
func (w *window) checkConsole() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, line := range w.console {
		w.t.Errorf("%s: console: %s", w.name, line)
	}
}

// patience bounds each step in the browser.
const patience = 15 * time.Second

func (w *window) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		w.t.Fatalf("%s: %s: %v\n%s", w.name, what, err, w.look())
	}
}

// await waits until a JavaScript expression is true, looking at each change of
// the document.
func (w *window) await(what, condition string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	script := fmt.Sprintf(`new Promise(resolve => {
		const holds = () => Boolean(%s);
		if (holds()) return resolve(true);
		const observer = new MutationObserver(() => {
			if (!holds()) return;
			observer.disconnect();
			resolve(true);
		});
		observer.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
	})`, condition)
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise)); err != nil {
		w.t.Fatalf("%s: wait for %s: %v\n%s", w.name, what, err, w.look())
	}
}

// look is the page's text as a person sees it, for a failure's report.
func (w *window) look() string {
	ctx, cancel := context.WithTimeout(w.ctx, 2*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		`document.querySelector("#connection")?.dataset.state + "\n" + document.body?.innerText`))
	if err != nil {
		return fmt.Sprintf("(no look at the page: %v)", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return "the page shows:\n" + text + "\nconsole:\n" + strings.Join(w.console, "\n")
}
