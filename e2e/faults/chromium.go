package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// chromium is a running browser, shared by the rows of a run.
type chromium struct {
	ctx   context.Context
	close func()
}

// startChromium starts Debian's Chromium without a display.
func startChromium(ctx context.Context) (*chromium, error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, errors.New("chromium is not installed: apt-get install -y chromium")
	}
	dir, err := os.MkdirTemp("", "causette-faults-chromium-")
	if err != nil {
		return nil, err
	}
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.WithoutCancel(ctx), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
	)...)
	browser, cancel := chromedp.NewContext(allocator)
	c := &chromium{ctx: browser, close: func() {
		closing, done := context.WithTimeout(browser, 10*time.Second)
		_ = chromedp.Cancel(closing) // it is killed below if it is still there
		done()
		cancel()
		cancelAllocator()
		_ = os.RemoveAll(dir)
	}}
	if err := chromedp.Do(browser); err != nil {
		c.close()
		return nil, fmt.Errorf("start Chromium: %w", err)
	}
	return c, nil
}

// recordEvents has every EventSource of a page keep what it dispatches. The page is
// given no SharedWorker, into which nobody sees: it then runs the same code itself.
const recordEvents = `
delete globalThis.SharedWorker;
globalThis.dispatched = [];
const Native = EventSource;
globalThis.EventSource = class extends Native {
	constructor(...args) {
		super(...args);
		for (const type of ["hello", "message", "notice", "status", "bye", "error"]) {
			this.addEventListener(type, ({ data, lastEventId }) => {
				dispatched.push({ type, data, lastEventId, readyState: globalThis.gaveUp ? this.readyState : 0 });
			});
		}
	}
};`

// readByPage reads with the page that Causette serves, as a person does.
func (c *chromium) readByPage(ctx context.Context, r *reader) error {
	return c.read(ctx, r, r.base+"/rooms/"+url.PathEscape(r.view.room), `true`)
}

// readByEventSource reads with Chromium's own EventSource and nothing around it.
func (c *chromium) readByEventSource(ctx context.Context, r *reader) error {
	open := fmt.Sprintf(`globalThis.gaveUp = true; globalThis.source = new EventSource(%q); true`, "/events?room="+url.QueryEscape(r.view.room))
	return c.read(ctx, r, r.base+"/healthz", open)
}

// read opens a page, runs a script in it, and hands on what its EventSources dispatch.
func (c *chromium) read(ctx context.Context, r *reader, url, script string) error {
	window, cancel := chromedp.NewContext(c.ctx)
	defer cancel()
	defer func() {
		closing, done := context.WithTimeout(window, 10*time.Second)
		defer done()
		_ = chromedp.Cancel(closing)
	}()
	stop := context.AfterFunc(ctx, cancel)
	defer stop()
	err := chromedp.Do(window, addScript(recordEvents), chromedp.Navigate(url))
	if err == nil {
		_, err = chromedp.Run(window, chromedp.Evaluate[bool](script))
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", url, err)
	}
	for pause(ctx, 100*time.Millisecond) == nil {
		list, err := chromedp.Run(window, chromedp.Evaluate[string](`JSON.stringify(dispatched.splice(0))`))
		if err != nil {
			return fmt.Errorf("look at %s: %w", url, err)
		}
		var events []json.RawMessage
		if err := json.Unmarshal([]byte(list), &events); err != nil {
			return err
		}
		for _, e := range events {
			if err := takeDispatched(ctx, r, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// addScript has a script run in the page before any of its own.
func addScript(source string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: source})
		return chromedp.Void{}, err
	}
}
