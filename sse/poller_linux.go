package sse

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// poller writes to many clients from few goroutines: it takes a stream's socket
// from net/http once the stream was greeted, and what stays of the client
// is a reader in one of its loops: no goroutine, no buffer, no request.
type poller struct {
	// Static after construction.
	hub   *Hub
	loops []*loop
	close func() // ends every stream and waits for the loops
	seed  maphash.Seed

	turn  atomic.Uint32 // the next socket's loop, in turn, of a large room
	spent occasion      // when it was last said that there are no descriptors
}

// newPoller starts a loop for each processor.
func newPoller(h *Hub) (*poller, error) {
	p := &poller{hub: h, seed: maphash.MakeSeed()}
	p.close = sync.OnceFunc(func() {
		for _, l := range p.loops {
			l.close()
		}
	})
	for range runtime.GOMAXPROCS(0) {
		l, err := newLoop(h)
		if err != nil {
			p.close()
			return nil, fmt.Errorf("start poller: %w", err)
		}
		l.start()
		p.loops = append(p.loops, l)
	}
	return p, nil
}

// closePoller ends the streams that the poller has; the hub may be without one.
func (h *Hub) closePoller() {
	if h.poller != nil {
		h.poller.close()
	}
}

type connKey struct{}

// ConnContext is for [http.Server.ConnContext]: it lets a hub find the socket
// under a request, to take it over. Without it every stream keeps its goroutine.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// take takes the stream's socket over and answers errTaken, or nil where it
// can't be had: over TLS, over HTTP/2, or from a server without ConnContext.
// Another error ends the stream.
//
// The descriptor is duplicated and the original closed, so that net/http and the
// runtime's own poller forget it, and the loop is the only one who ever writes to
// the duplicate or closes it. Duplicating comes first: while that can still fail,
// net/http has the connection, and the client can be told.
func (p *poller) take(s *stream) error {
	conn, ok := s.request.Context().Value(connKey{}).(*net.TCPConn)
	if p == nil || !ok || s.request.ProtoMajor != 1 {
		return nil
	}
	fd, err := duplicate(conn)
	switch {
	case errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE):
		if p.spent.comes() {
			p.hub.o.Log.Error("streams refused: no descriptor left; raise the limit of open files", "error", err)
		}
		return full
	case err != nil:
		return hangup // net/http closed the connection before us
	}
	if _, _, err := s.out.control.Hijack(); err != nil {
		_ = unix.Close(fd)
		if errors.Is(err, http.ErrNotSupported) {
			return nil
		}
		_ = conn.Close() // net/http may have let go of it all the same
		return hangup
	}
	_ = conn.Close() // the duplicate keeps the connection
	if err := prepare(fd, p.hub.o); err != nil {
		_ = unix.Close(fd)
		return hangup
	}
	r := &reader{fd: int32(fd), cursor: s.cursor, session: s.sub.Person.ID, from: s.from}
	if !s.caught {
		r.cursor, r.behind = cursor{liveFrom: math.MaxInt64}, &catchingUp{place: s.place}
	}
	p.loopFor(s.entry).add(newcomer{reader: r, entry: s.entry, tail: s.tail})
	return errTaken
}

// alone is up to how many readers of a room one loop writes to alone. To wake
// another thread and share the kernel's locks with it costs more than it gains.
const alone = 256

// loopFor is the loop for the next reader of a room: the room's own, then the
// others until they have as many, then each in turn.
func (p *poller) loopFor(e *entry) *loop {
	all := uint64(len(p.loops))
	own, readers := maphash.String(p.seed, string(e.id))%all, p.hub.count(e)
	turn := uint64(p.turn.Add(1))
	switch {
	case readers <= alone || all == 1:
		return p.loops[own]
	case readers <= int(all)*alone:
		return p.loops[(own+1+turn%(all-1))%all]
	default:
		return p.loops[turn%all]
	}
}
