package sse

import (
	"errors"
	"sync"
	"testing"
	"time"

	"causette/chat"

	"golang.org/x/sys/unix"
)

// hand is a loop without its goroutines, so that a test takes its turns by hand,
// over socket pairs, whose writes arrive before they return.
type hand struct {
	*loop
	*Hub
	room  *room
	entry *entry
	done  func() // ends it all; when the test ends at the latest
}

func newHand(tb testing.TB, o Options) *hand {
	tb.Helper()
	o.Log, o.MaxStreams = quiet, -1
	h := &hand{Hub: NewHub(o, newFakeLog(), benchPresence{})}
	l, err := newLoop(h.Hub)
	if err != nil {
		tb.Fatal(err)
	}
	l.longPass = time.Hour // nobody rests, but where a test has it
	h.loop = l
	h.entry, h.room = h.open(chat.Lobby)
	h.done = sync.OnceFunc(func() {
		l.endAll()
		_ = l.file.Close()
		h.Close()
	})
	tb.Cleanup(h.done)
	return h
}

// open is a room of the hub's, kept open.
func (h *hand) open(id chat.RoomID) (*entry, *room) {
	e := h.Hub.enter(id)
	<-e.ready
	return e, e.room
}

// fataler is a test, or one run of a property.
type fataler interface {
	Helper()
	Fatal(...any)
}

// pair is two ends of a connection: the loop's, and the client's, which does not
// wait either. Small buffers have few frames fill them.
func pair(tb fataler, small bool) (server, client int) {
	tb.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	if small {
		if err := unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 1); err != nil { // the kernel's least
			tb.Fatal(err)
		}
	}
	return fds[0], fds[1]
}

// join has a reader of e's room come to the loop, at its tail's end.
func (h *hand) join(tb fataler, e *entry, small bool) (r *reader, client int) {
	tb.Helper()
	server, client := pair(tb, small)
	if _, err := h.admit(""); err != nil {
		tb.Fatal(err)
	}
	h.Hub.mu.Lock()
	e.readers++
	h.Hub.mu.Unlock()
	t, end, _ := e.room.now()
	r = &reader{fd: int32(server), cursor: cursor{pos: end, liveFrom: end}, session: "p_1"}
	h.add(newcomer{reader: r, entry: e, tail: t})
	return r, client
}

// beatAt sends the pings that are due at a time.
func (h *hand) beatAt(now time.Time) {
	h.wheel.turn(now)
	for h.beat() {
		continue
	}
}

// settle takes turns until there is nothing to do.
func (h *hand) settle() {
	events := make([]unix.EpollEvent, maxEvents)
	for {
		arriving, growing := h.adopt(), h.advance()
		behind := h.catchUpSome() || h.asking()
		n, err := h.poll(events)
		if err != nil {
			panic(err)
		}
		h.handle(events[:n])
		if n == 0 && !arriving && !growing && !behind {
			return
		}
	}
}

// asking reports whether the log is asked, or the loop was told of an answer.
func (h *hand) asking() bool {
	h.library.loads.mu.Lock()
	asking := h.library.loads.running > 0 || len(h.library.loads.turns) > 0
	h.library.loads.mu.Unlock()
	h.loop.mu.Lock()
	defer h.loop.mu.Unlock()
	return asking || len(h.arrivals) > 0
}

// drink takes at most n bytes from a client's end, and reports whether that end
// is over.
func drink(tb fataler, client int, n int) (got []byte, over bool) {
	tb.Helper()
	buf := make([]byte, n)
	for len(got) < n {
		k, err := unix.Read(client, buf[:n-len(got)])
		switch {
		case errors.Is(err, unix.EAGAIN):
			return got, false
		case errors.Is(err, unix.ECONNRESET), err == nil && k == 0:
			return got, true
		case err != nil:
			tb.Fatal(err)
		}
		got = append(got, buf[:k]...)
	}
	return got, false
}
