package sse

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"causette/chat"
)

// client is a fake browser: a response writer that keeps what it gets. Its
// Write blocks while it is stalled, and fails when its deadline passes, as a
// socket's does.
type client struct {
	t      tester
	cancel context.CancelFunc
	done   chan struct{} // closed when Serve returned

	mu       sync.Mutex
	header   http.Header
	got      []byte
	unread   int // from where news begin
	writes   int
	largest  int           // bytes of one write
	delay    time.Duration // that a write takes
	flushed  int           // how much of got was flushed
	stalled  chan struct{}
	deadline time.Time
}

func (c *client) Header() http.Header { return c.header }
func (c *client) WriteHeader(int)     {}

func (c *client) SetWriteDeadline(d time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = d
	return nil
}

func (c *client) Write(p []byte) (int, error) {
	time.Sleep(c.delay)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stalled != nil {
		stalled, late := c.stalled, time.NewTimer(time.Until(c.deadline))
		defer late.Stop()
		c.mu.Unlock()
		select {
		case <-stalled:
			c.mu.Lock()
		case <-late.C:
			c.mu.Lock()
			return 0, fmt.Errorf("write: %w", os.ErrDeadlineExceeded)
		}
	}
	c.got = append(c.got, p...)
	c.writes++
	c.largest = max(c.largest, len(p))
	return len(p), nil
}

func (c *client) FlushError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flushed = len(c.got)
	return nil
}

// stall makes the client read nothing until the returned function is called.
func (c *client) stall() (resume func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stalled = make(chan struct{})
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		close(c.stalled)
		c.stalled = nil
	}
}

// connect opens a stream of the lobby and waits until all is still.
func (w *world) connect(t tester, sub Subscription) *client {
	t.Helper()
	c := w.dial(t, sub)
	synctest.Wait()
	return c
}

// dial opens a stream and does not wait.
func (w *world) dial(t tester, sub Subscription) *client {
	c := &client{t: t}
	w.serve(c, sub)
	return c
}

// dialStalled opens a stream whose client reads nothing until resume is called.
func (w *world) dialStalled(t tester, sub Subscription) (c *client, resume func()) {
	c = &client{t: t}
	resume = c.stall()
	w.serve(c, sub)
	return c, resume
}

func (w *world) serve(c *client, sub Subscription) {
	if sub.Room == "" {
		sub.Room = chat.Lobby
	}
	if sub.Person.ID == "" {
		sub.Person.ID = "p_1"
	}
	ctx, cancel := context.WithCancel(c.t.Context())
	c.cancel, c.done, c.header = cancel, make(chan struct{}), make(http.Header)
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/events", http.NoBody)
	go func() {
		defer close(c.done)
		w.Serve(c, r, sub)
	}()
	c.t.Cleanup(c.hangUp)
}

// hangUp ends the request and waits for the stream.
func (c *client) hangUp() {
	c.cancel()
	<-c.done
}

// news is what came since the last call, but pings.
func (c *client) news() []string {
	c.t.Helper()
	return slices.DeleteFunc(c.heard(), isPing)
}

func isPing(word string) bool { return strings.HasPrefix(word, "ping ") }

// heard is what came since the last call, one word an event: a message's id, or
// "kind data". Everything written must have been flushed.
func (c *client) heard() []string {
	c.t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flushed != len(c.got) {
		c.t.Errorf("%d of %d bytes are flushed", c.flushed, len(c.got))
	}
	events, _, _ := readSSE(string(c.got[c.unread:]))
	c.unread = len(c.got)
	words := []string{}
	for _, e := range events {
		if e.Type == "message" {
			words = append(words, e.ID)
			continue
		}
		words = append(words, e.Type+" "+e.Data)
	}
	return words
}

// messages is the ids among the news.
func (c *client) messages() []string {
	c.t.Helper()
	return slices.DeleteFunc(c.news(), func(s string) bool { return strings.Contains(s, " ") })
}

// raw is all bytes so far.
func (c *client) raw() string {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.got)
}

func (c *client) ended() bool {
	synctest.Wait()
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}
