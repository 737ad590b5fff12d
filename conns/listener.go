package conns

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// retryAccept is how long accepting rests after the system had no descriptor for it.
const retryAccept = 5 * time.Millisecond

// Listener accepts all that comes, and returns from Accept what has a place. A
// limiter has one listener.
func (l *Limiter) Listener(inner net.Listener) net.Listener {
	b := &listener{Listener: inner, limiter: l, ended: make(chan struct{}), failed: make(chan error, 1)}
	b.loop.Go(b.accept)
	return b
}

type listener struct {
	net.Listener
	limiter *Limiter
	once    sync.Once
	ended   chan struct{} // closed by Close
	failed  chan error    // why accept ended
	loop    sync.WaitGroup
}

// accept is the listener's goroutine.
func (b *listener) accept() {
	for {
		given, err := b.Listener.Accept()
		switch {
		case err == nil:
			c := &conn{Conn: given, limiter: b.limiter, peer: b.limiter.keyOf(peer(given))}
			c.lastByte.Store(b.limiter.now())
			b.limiter.arrive(c)
		case errors.Is(err, syscall.ECONNABORTED):
		case errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
			errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM):
			b.limiter.dropOldest()
			select {
			case <-time.After(retryAccept):
			case <-b.ended:
			}
		default:
			b.failed <- err
			return
		}
	}
}

// Accept returns the next connection that has a place.
func (b *listener) Accept() (net.Conn, error) {
	for {
		if c := b.limiter.next(); c != nil {
			return c, nil
		}
		select {
		case <-b.limiter.wake:
		case err := <-b.failed:
			b.failed <- err // for whoever asks again
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
	b.once.Do(func() { close(b.ended) })
	err := b.Listener.Close()
	b.loop.Wait()
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
