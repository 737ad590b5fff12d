package sse

import (
	"errors"

	"golang.org/x/sys/unix"
)

// reader is one client of a loop: a descriptor and a position, and what its loop
// needs to find it. Owned by its loop.
//
// Its descriptor is written to and closed by the loop's goroutine alone, and
// [loop.end], the only one that closes it, takes the reader out of the loop's
// table and its group in the same step: whoever finds a reader there finds an
// open descriptor, and what still stands in a departure is told by gone. So it is
// never closed twice, and never used after the kernel gave its number to another
// socket; an event that the kernel reported before that is told by its
// generation. The descriptor is a duplicate that nothing else knows.
type reader struct {
	cursor
	behind  *catchingUp // nil once it is in its tail
	group   *group      // nil when gone
	session string      // for presence
	from    *origin     // for the hub, which counts by address; may be nil
	fd      int32
	gen     uint32 // tells an event of this reader from one of an earlier one with this fd
	slot    int32  // in group.readers
	last    uint32 // tick of the last write, or of when its socket was full
	blocked bool   // the socket is full: its edge is waited for
	asked   bool   // the kernel tells when it has room again
	within  bool   // what was sent may end inside a frame
	gone    bool   // closed, and perhaps still in a departure
}

// push writes what the tail has for r, until it has caught up or its socket is
// full. It returns how many bytes that were, and why r has to end, if it has to.
func (l *loop) push(r *reader, t *tail) (written int, why reason) {
	for end := t.end.Load(); r.pos < end; {
		chunk, next, err := t.run(r.cursor)
		if err != nil {
			return written, slow
		}
		n, why := l.send(r, chunk)
		if why != "" {
			return written, why
		}
		written += n
		if n < len(chunk) {
			l.block(r)
			if n > 0 {
				r.pos, r.within = next-int64(len(chunk)-n), true
			}
			return written, ""
		}
		r.pos, r.within = next, false
	}
	return written, ""
}

// send writes p to r without waiting, and says why r has to end, if it has to.
// n is short if the socket is full.
func (l *loop) send(r *reader, p []byte) (n int, why reason) {
	n, err := send(r.fd, p)
	l.sent += n
	switch {
	case err == nil:
		return n, ""
	case errors.Is(err, unix.ETIMEDOUT):
		return 0, slow
	default:
		return 0, hangup
	}
}

// end closes a reader: tells it why if it can still be told, and forgets it.
func (l *loop) end(r *reader, why reason) {
	if why.told() {
		if !r.within {
			_, _ = l.send(r, appendBye(nil, why, retryFor(why))) // as much as its socket takes
		}
		swallow(r.fd)
	}
	l.abandon(r)
	l.table[r.fd] = nil
	l.wheel.remove()
	_ = unix.Close(int(r.fd))
	g := r.group
	g.remove(r)
	r.gone, r.group = true, nil
	if len(g.readers) == 0 {
		g.tail.unwatch(g)
		delete(l.groups, g.tail)
	}
	l.hub.release(g.entry, r, why)
}

// release counts a stream out that the poller had.
func (h *Hub) release(e *entry, r *reader, why reason) {
	h.o.Metrics.closes.WithLabelValues(string(why)).Inc()
	h.part(e.id, r.session)
	h.leave(e)
	h.dismiss(r.from)
}
