//go:build linux

package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// listener reads a stream as fast as it can, in a goroutine that ends with the
// stream, and keeps every event.
type listener struct {
	// Static after construction.
	t      *testing.T
	stream *stream
	hello  hello

	mu     sync.Mutex
	events []event       // guarded by mu
	err    error         // guarded by mu; why the stream ended, nil while it goes on
	grown  chan struct{} // guarded by mu; closed and replaced at each change
	lastID string        // guarded by mu
	retry  string        // guarded by mu

	seen int // owned by the test's goroutine: await goes on from here
}

// listen opens a stream, reads its hello, and keeps reading until the test ends.
func listen(t *testing.T, s subscription) *listener {
	t.Helper()
	st, err := open(t.Context(), s)
	if err != nil {
		t.Fatalf("open a stream on %s: %v", s.base, err)
	}
	if st.response.StatusCode != http.StatusOK {
		st.close()
		t.Fatalf("open a stream on %s: %s", s.base, st.response.Status)
	}
	l := &listener{t: t, stream: st, grown: make(chan struct{})}
	_ = st.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	l.hello, err = st.hello()
	if err != nil {
		st.close()
		t.Fatalf("open a stream on %s: %v", s.base, err)
	}
	_ = st.conn.SetReadDeadline(time.Time{})
	l.lastID, l.retry = st.lastID, st.retry
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.read()
	}()
	t.Cleanup(func() {
		st.close()
		<-ended
	})
	return l
}

func (l *listener) read() {
	for {
		e, err := l.stream.next()
		l.mu.Lock()
		if err != nil {
			l.err = err
		} else {
			l.events = append(l.events, e)
		}
		l.lastID, l.retry = l.stream.lastID, l.stream.retry
		close(l.grown)
		l.grown = make(chan struct{})
		l.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// await returns the next event that matches, of those after the last one that
// it returned. It fails the test if none comes in time or the stream ends first.
func (l *listener) await(within time.Duration, what string, matches func(event) bool) event {
	l.t.Helper()
	deadline := time.After(within)
	for {
		l.mu.Lock()
		for ; l.seen < len(l.events); l.seen++ {
			if e := l.events[l.seen]; matches(e) {
				l.seen++
				l.mu.Unlock()
				return e
			}
		}
		events, err, grown := l.events, l.err, l.grown
		l.mu.Unlock()
		if err != nil {
			l.t.Fatalf("wait for %s: the stream ended: %v; last events %s", what, err, lastOf(events, 8))
		}
		select {
		case <-grown:
		case <-deadline:
			l.t.Fatalf("wait for %s: not within %s; last events %s", what, within, lastOf(events, 8))
		}
	}
}

func lastOf(events []event, n int) string {
	return fmt.Sprintf("%.300q", events[max(0, len(events)-n):])
}

// awaitText waits for the message with this text.
func (l *listener) awaitText(within time.Duration, text string) message {
	l.t.Helper()
	var m message
	l.await(within, fmt.Sprintf("the message %.40q", text), func(e event) bool {
		if e.name != "message" {
			return false
		}
		var err error
		if m, err = e.message(); err != nil {
			l.t.Fatal(err)
		}
		return m.Text == text
	})
	return m
}

// awaitPresence waits for a presence event with these totals.
func (l *listener) awaitPresence(within time.Duration, participants, named int) {
	l.t.Helper()
	l.await(within, fmt.Sprintf("%d participants, %d of them named", participants, named), func(e event) bool {
		if e.name != "presence" {
			return false
		}
		p := read[struct{ Participants, Named int }](l.t, e.data)
		return p.Participants == participants && p.Named == named
	})
}

// awaitStatus waits until the instance says that Redis is down or up.
func (l *listener) awaitStatus(within time.Duration, redis string) {
	l.t.Helper()
	l.await(within, "status "+redis, func(e event) bool {
		return e.name == "status" && read[struct{ Redis string }](l.t, e.data).Redis == redis
	})
}

// awaitEnd waits until the stream ends.
func (l *listener) awaitEnd(within time.Duration) {
	l.t.Helper()
	deadline := time.After(within)
	for {
		l.mu.Lock()
		err, grown := l.err, l.grown
		l.mu.Unlock()
		if err != nil {
			return
		}
		select {
		case <-grown:
		case <-deadline:
			l.t.Fatalf("the stream did not end within %s", within)
		}
	}
}

// soFar is the events read, where an EventSource would resume, and why the
// stream ended if it did.
func (l *listener) soFar() (events []event, lastID string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clip(l.events), l.lastID, l.err
}

// reconnection is the reconnection time that the stream set last, as it stood there.
func (l *listener) reconnection() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.retry
}

// messages are the messages read so far.
func (l *listener) messages() []message {
	l.t.Helper()
	events, _, _ := l.soFar()
	var all []message
	for _, e := range events {
		if e.name != "message" {
			continue
		}
		m, err := e.message()
		if err != nil {
			l.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// named are the events read so far that have this name.
func (l *listener) named(name string) []event {
	events, _, _ := l.soFar()
	var all []event
	for _, e := range events {
		if e.name == name {
			all = append(all, e)
		}
	}
	return all
}
