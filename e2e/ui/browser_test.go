//go:build linux

package ui

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"go.uber.org/goleak"
)

// insecureHost is a name of this machine that browsers do not hold for safe, as
// they do localhost: to them it is any plain-http server on a LAN.
const insecureHost = "causette.test"

func TestMain(m *testing.M) {
	flag.Parse()
	// Tests wait for time-outs as much as for a processor; but too many of them
	// at once would starve the frames that they look at.
	if err := flag.Set("test.parallel", "4"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	closeBrowser()
	if code == 0 {
		var leak error
		for range 5 { // a client whose Redis went away notices only within a second that it was closed
			if leak = goleak.Find(); leak == nil {
				break
			}
		}
		if leak != nil {
			fmt.Fprintln(os.Stderr, leak)
			code = 1
		}
	}
	os.Exit(code)
}

var closers struct {
	mu   sync.Mutex
	list []func() // guarded by mu
}

func closeBrowser() {
	closers.mu.Lock()
	defer closers.mu.Unlock()
	for _, f := range closers.list {
		f()
	}
}

// browser is the one Chromium of a run.
var browser = sync.OnceValues(func() (context.Context, error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, errors.New("chromium is not installed: apt-get install -y chromium")
	}
	dir, err := os.MkdirTemp("", "causette-ui-")
	if err != nil {
		return nil, err
	}
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("lang", "en"),
		chromedp.Flag("hide-scrollbars", false),
		chromedp.Flag("host-resolver-rules", "MAP "+insecureHost+" 127.0.0.1"),
	)...)
	ctx, cancel := chromedp.NewContext(allocator)
	closers.mu.Lock()
	closers.list = append(closers.list, func() {
		closing, done := context.WithTimeout(ctx, 10*time.Second)
		_ = chromedp.Cancel(closing)
		done()
		cancel()
		cancelAllocator()
		_ = os.RemoveAll(dir)
	})
	closers.mu.Unlock()
	return ctx, chromedp.Do(ctx)
})
