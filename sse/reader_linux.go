package sse

import (
	"errors"

	"golang.org/x/sys/unix"
)

// reader is one client of a loop: a descriptor and a position, and what its loop
// needs to find it. Owned by its loop.
//
// Its descriptor is written to and closed by the loop's goroutine alone, and
// closing it takes the reader out of the loop's table in the same step. So it is
// never closed twice, and never used after the kernel gave its number to another
// socket; an event that the kernel reported before is told by its generation.
type reader struct {
	cursor
	group   *group
	session string  // for presence
	slot    *reader // the next one in its slot of the wheel
	fd      int32
	gen     uint32 // tells an event of this reader from one of an earlier one with this fd
	place   int32  // in group.readers
	last    uint32 // tick of the last write
	blocked bool   // the socket is full: its edge is waited for
	within  bool   // the position stands inside a frame
	gone    bool   // closed, and still in a slot
}

// write writes p without waiting. n is short if the socket is full.
func (r *reader) write(p []byte) (n int, err error) {
	for {
		n, err = unix.Write(int(r.fd), p)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return 0, nil
		default:
			return max(n, 0), err
		}
	}
}

// push writes what the tail has for r, until it has caught up or its socket is
// full. It returns how many bytes that were, and why r has to end, if it has to.
func (r *reader) push(t *tail) (written int, why reason) {
	for end := t.end.Load(); r.pos < end; {
		chunk, next, err := t.run(r.cursor)
		if err != nil {
			return written, slow
		}
		n, err := r.write(chunk)
		written += n
		if err != nil {
			return written, hangup
		}
		if n < len(chunk) {
			r.blocked = true
			if n > 0 {
				r.pos, r.within = next-int64(len(chunk)-n), true
			}
			return written, ""
		}
		r.pos, r.within = next, false
	}
	return written, ""
}
