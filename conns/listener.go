package conns

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// retryAccept is how long accepting rests after the system had no descriptor for it.
const retryAccept = 5 * time.Millisecond

// longAgo is a deadline that has passed: it ends an Accept that is under way.
var longAgo = time.Unix(1, 0)

// Listener accepts all that comes, and returns from Accept what has a place. A
// limiter has one listener, around one of TCP or of Unix sockets.
func (l *Limiter) Listener(inner net.Listener) net.Listener {
	b := &listener{Listener: inner, limiter: l}
	b.timed, _ = inner.(timedListener)
	l.interrupt = b.interrupt
	return b
}

// timedListener is what net's listeners are.
type timedListener interface{ SetDeadline(time.Time) error }

type listener struct {
	net.Listener
	timed   timedListener // nil if Accept can't be interrupted
	limiter *Limiter
}

// interrupt has an Accept that is under way look for those who waited.
func (b *listener) interrupt() {
	if b.timed != nil {
		_ = b.timed.SetDeadline(longAgo) // a closed listener's Accept has ended anyway
	}
}

// Accept returns the next connection that has a place. Only one goroutine may call it.
func (b *listener) Accept() (net.Conn, error) {
	for {
		if c := b.limiter.next(); c != nil {
			return c, nil
		}
		given, err := b.Listener.Accept()
		switch {
		case err == nil:
			c := &conn{Conn: given, limiter: b.limiter, peer: b.limiter.keyOf(peer(given))}
			c.lastByte.Store(b.limiter.now())
			b.limiter.arrive(c)
		case errors.Is(err, os.ErrDeadlineExceeded):
			// Before next is asked: an interrupt that comes after it ends the next Accept.
			if err := b.timed.SetDeadline(time.Time{}); err != nil {
				return nil, err
			}
		case errors.Is(err, syscall.ECONNABORTED):
		case errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
			errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM):
			b.limiter.dropOldest()
			time.Sleep(retryAccept)
		default:
			return nil, err
		}
	}
}

// next is the next active connection that was not returned by Accept.
func (l *Limiter) next() *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.ready) > 0 {
		c := l.ready[0]
		l.ready[0] = nil
		l.ready = l.ready[1:]
		if c.state == active {
			return c
		}
	}
	l.ready = nil
	return nil
}

// Close ends accepting, and closes what waits.
func (b *listener) Close() error {
	err := b.Listener.Close()
	b.limiter.close()
	return err
}

// close closes those that wait or were not returned by Accept.
func (l *Limiter) close() {
	l.mu.Lock()
	defer l.unlock()
	l.closed = true
	if l.sweeper != nil {
		l.sweeper.Stop()
		l.sweeper = nil
	}
	for l.waiting.Len() > 0 {
		c := frontOf(&l.waiting)
		l.leaveLocked(c, gone)
		l.doomed = append(l.doomed, c)
	}
	for _, c := range l.ready {
		if c.state == active {
			l.leaveLocked(c, gone)
			l.doomed = append(l.doomed, c)
		}
	}
	l.ready = nil
}
