package conns

import (
	"context"
	"net"
	"net/http"
)

// This file is what net/http and its handlers tell a limiter.

// connKey finds a request's connection in its context.
type connKey struct{}

// Context is for [http.Server.ConnContext]. It also returns the connection under the
// one that the limiter's listener gave out.
func (l *Limiter) Context(ctx context.Context, given net.Conn) (context.Context, net.Conn) {
	c, ok := given.(*conn)
	if !ok {
		return ctx, given
	}
	return context.WithValue(ctx, connKey{}, c), c.Conn
}

func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}

// StateChanged is for [http.Server.ConnState].
func (l *Limiter) StateChanged(given net.Conn, to http.ConnState) {
	c, ok := given.(*conn)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.unlock()
	switch to {
	case http.StateActive:
		c.idle = false
	case http.StateIdle:
		c.idle, c.idleSince = true, c.lastByte.Load()
		if c.state == active && c.owner.waiting.Len() > 0 {
			l.evictLocked(c, reasonIdle)
			l.fillLocked()
		}
	case http.StateHijacked, http.StateClosed:
		l.leaveLocked(c, gone)
		l.fillLocked()
	}
}

// Handler tells the limiter when a request is being served. While another connection
// of the same owner waits, the answer is the last one of its connection.
func (l *Limiter) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := connOf(r)
		if c == nil {
			next.ServeHTTP(w, r)
			return
		}
		c.serving.Store(true)
		if l.queued.Load() > 0 && l.othersWait(c) {
			w.Header().Set("Connection", "close")
		}
		defer l.served(c)
		next.ServeHTTP(w, r)
	})
}

func (l *Limiter) othersWait(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return c.owner != nil && c.owner.waiting.Len() > 0
}

// served gives a connection back to its peer after a request, if that took it away.
func (l *Limiter) served(c *conn) {
	c.lastByte.Store(l.now()) // the rest of the answer is on its way
	c.serving.Store(false)
	if !c.lent.Swap(false) {
		return
	}
	l.mu.Lock()
	defer l.unlock()
	switch {
	case c.state == stream: // it was one, or was refused as one, and net/http still has it
		l.joinLocked(c, l.ownerLocked(c.peer))
	case c.state == active && c.owner.key != c.peer:
		l.moveLocked(c, c.peer)
		l.fillLocked()
	}
}

// Owned says who the client of a request is, as its address (of IPv6 the /64): where
// a trusted proxy sent it, the connection is the client's for as long as the request
// lasts. It is to be called before the request's body is read.
func (l *Limiter) Owned(r *http.Request, address string) {
	c := connOf(r)
	// A proxy that asks for itself has the connection already: that costs no lock.
	if c == nil || !c.peer.proxy || address == c.peer.address {
		return
	}
	l.mu.Lock()
	defer l.unlock()
	if c.state == active {
		c.lent.Store(true)
		l.moveLocked(c, ownerKey{address: address})
		l.fillLocked()
	}
}

// BecomesStream says that a request's connection is a stream until the request has
// ended, which is bounded elsewhere.
func (l *Limiter) BecomesStream(r *http.Request) {
	c := connOf(r)
	if c == nil {
		return
	}
	l.mu.Lock()
	defer l.unlock()
	c.lent.Store(true)
	l.leaveLocked(c, stream)
	l.fillLocked()
}
