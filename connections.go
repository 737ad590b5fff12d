package main

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// grace is how long a connection may be busy with one request, or without one,
// before it can be closed to make room for a new one.
const grace = time.Second

// connections bounds how many connections there are that are no streams: those
// that have yet to send a request, that are sending or waiting for its answer,
// and idle ones. At the bound the one that has made no progress for longest is
// closed for the next, if that was longer than grace; until then the next one
// waits in the kernel's queue. So whoever opens many and says nothing, or says it
// slowly, takes their places from himself first, and a herd is taken in at the
// pace at which it can be served.
//
// It is told of them by net/http ([http.Server.ConnState]); a connection that the
// poller took over is no more of its.
type connections struct {
	limit int // static; 0 is no limit

	mu      sync.Mutex                 // never held while closing or waiting
	waiting *list.List                 // guarded by mu: of *connection, that without progress for longest first
	places  map[net.Conn]*list.Element // guarded by mu
	fewer   chan struct{}              // holds a word when there are fewer of them
}

// connection is a connection, and since when nothing has come of it.
type connection struct {
	net.Conn
	since time.Time
}

func newConnections(limit int) *connections {
	return &connections{limit: limit, waiting: list.New(), places: make(map[net.Conn]*list.Element), fewer: make(chan struct{}, 1)}
}

// note is for [http.Server.ConnState].
func (c *connections) note(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew, http.StateActive, http.StateIdle:
		c.put(conn)
	case http.StateHijacked, http.StateClosed:
		c.release(conn)
	}
}

func (c *connections) put(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if place := c.places[conn]; place != nil {
		c.waiting.Remove(place)
	}
	c.places[conn] = c.waiting.PushBack(connection{conn, time.Now()})
}

func (c *connections) release(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	place := c.places[conn]
	if place == nil {
		return
	}
	c.waiting.Remove(place)
	delete(c.places, conn)
	select {
	case c.fewer <- struct{}{}:
	default:
	}
}

// connKey finds a request's connection in its context.
type connKey struct{}

// context is for [http.Server.ConnContext].
func (c *connections) context(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// becomesStream says that a request's connection is a stream from here on, which
// is bounded elsewhere.
func (c *connections) becomesStream(r *http.Request) {
	if conn, ok := r.Context().Value(connKey{}).(net.Conn); ok {
		c.release(conn)
	}
}

// makeRoom returns when there is room for another connection, or when ended is closed.
func (c *connections) makeRoom(ended <-chan struct{}) {
	for {
		stale, in := c.stale()
		if stale != nil {
			_ = stale.Close() // net/http reads or writes no more of it
			c.release(stale)
			return
		}
		if in <= 0 {
			return
		}
		again := time.NewTimer(in)
		select {
		case <-again.C:
		case <-c.fewer:
		case <-ended:
			again.Stop()
			return
		}
		again.Stop()
	}
}

// stale is the connection to close for another one, or in how long there may be
// one; neither where there is room.
func (c *connections) stale() (conn net.Conn, in time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limit <= 0 || c.waiting.Len() < c.limit {
		return nil, 0
	}
	oldest := c.waiting.Front().Value.(connection)
	if in = grace - time.Since(oldest.since); in <= 0 {
		return oldest.Conn, 0
	}
	return nil, in
}

// listener makes room before each accept.
func (c *connections) listener(l net.Listener) net.Listener {
	return &boundedListener{Listener: l, connections: c, ended: make(chan struct{})}
}

type boundedListener struct {
	net.Listener
	connections *connections
	once        sync.Once
	ended       chan struct{} // closed by Close
}

func (l *boundedListener) Accept() (net.Conn, error) {
	l.connections.makeRoom(l.ended)
	return l.Listener.Accept()
}

func (l *boundedListener) Close() error {
	l.once.Do(func() { close(l.ended) })
	return l.Listener.Close()
}
