package conns

import (
	"container/list"
	"net"
	"sync/atomic"
	"time"
)

// maxPiece is how many bytes are written at once, so that a slow reader of a large
// answer is seen to make progress.
const maxPiece = 64 << 10

// conn is a connection that notes when it was last read or written.
type conn struct {
	// Static after construction.
	net.Conn
	limiter *Limiter
	peer    ownerKey

	lastByte atomic.Int64 // nanoseconds since limiter.epoch; at first when it was accepted
	serving  atomic.Bool  // a request's header is read and its answer is not complete
	lent     atomic.Bool  // a request made it another owner's, or a stream

	// Guarded by limiter.mu.
	state     state
	owner     *owner        // of an active or waiting one
	at        int           // in owner.active
	idle      bool          // between two requests
	idleSince int64         // what lastByte was when it became idle
	place     *list.Element // in owner.waiting
	placeAll  *list.Element // in limiter.waiting
	since     time.Time     // when it began to wait
}

// state is where a connection counts.
type state int

const (
	waiting state = iota
	active
	stream // bounded elsewhere
	gone   // closed, or taken over
)

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.lastByte.Store(c.limiter.now())
	}
	return n, err
}

func (c *conn) Write(p []byte) (written int, err error) {
	for {
		piece := p[written:min(len(p), written+maxPiece)]
		n, err := c.Conn.Write(piece)
		if n > 0 {
			c.lastByte.Store(c.limiter.now())
		}
		if written += n; err != nil || written == len(p) {
			return written, err
		}
	}
}

// CloseWrite is what net/http calls before it closes a connection over unread input,
// so that the client can read the answer.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// spokeSince reports whether an idle connection was read or written since: its next
// request is on its way, and net/http has yet to say so.
func (c *conn) spokeSince() bool { return c.lastByte.Load() != c.idleSince }

// stale reports whether a connection has made no progress for as long as it may
// while others wait. Where its peer has sent what was not read yet, and no request is
// being served, it is this process that is late.
func (c *conn) stale(now int64) bool {
	if c.serving.Load() {
		return now-c.lastByte.Load() >= int64(servingGrace)
	}
	return now-c.lastByte.Load() >= int64(Grace) && !hasUnread(c.Conn)
}
