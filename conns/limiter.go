package conns

import (
	"container/heap"
	"container/list"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"causette/addr"
)

const (
	// Grace is how long a connection may make no progress, with a request or without
	// one, before it can be closed for another one.
	Grace = time.Second
	// servingGrace is Grace for a request that is being served, which may wait for
	// Redis: what the longest honest answer takes.
	servingGrace = 10 * time.Second
	// maxWait is how long a connection waits for a place before it is closed.
	maxWait = 30 * time.Second
	// maxWaiting is how many connections wait at most, whatever Files says.
	maxWaiting = 16 << 10
	// browserShare is how many connections a browser opens to a server, over
	// HTTP/1.1: no owner's share is less.
	browserShare = 6
)

// Options are a limiter's settings.
type Options struct {
	// Limit is how many connections are active at once; 0 is no limit.
	Limit int
	// Files is how many descriptors connections that are no streams may have at
	// present, active and waiting ones together. Nil is no limit but maxWaiting.
	Files func() int
	// Proxies are the peers whose connections carry other people's requests.
	Proxies addr.Ranges
	// Registerer is where the metrics go; nil leaves them unregistered.
	Registerer prometheus.Registerer
}

// Limiter bounds the connections that are no streams: those that have yet to send a
// request, that are sending one or waiting for its answer, and idle ones. It is told
// of them by its listener, by net/http ([Limiter.StateChanged]), and by the handlers.
type Limiter struct {
	// Static after construction.
	o        Options
	perOwner int // how many of them one owner has active
	epoch    time.Time
	closes   *prometheus.CounterVec
	// interrupt has the listener look at ready. Static after Listener.
	interrupt func()

	queued atomic.Int64 // how many wait; written under mu

	mu        sync.Mutex // never held while closing or waiting
	owners    map[ownerKey]*owner
	active    int       // guarded by mu, as all below
	byActive  ranking   // all owners
	byWaiting ranking   // all owners
	turns     list.List // of *owner: those with a waiting connection that may have the next place
	waiting   list.List // of *conn, the oldest first
	doomed    []*conn   // to be closed once mu is let go
	ready     []*conn   // active, and not returned by Accept yet
	grown     bool      // ready has, and the listener is to be told once mu is let go
	sweeper   *time.Timer
	closed    bool // no more of them come
}

// New makes a limiter without connections.
//
// One owner has at most a quarter of the places: with one owner at its most, three
// others find as much, and a quarter of the places serves an office's connections
// one after the other faster than a machine can answer them.
func New(o Options) *Limiter {
	l := &Limiter{
		o: o, perOwner: min(o.Limit, max(browserShare, o.Limit/4)), epoch: time.Now(),
		owners: make(map[ownerKey]*owner), interrupt: func() {},
		byActive:  ranking{index: 0, count: func(o *owner) int { return len(o.active) }},
		byWaiting: ranking{index: 1, count: func(o *owner) int { return o.waiting.Len() }},
	}
	l.closes = closedCounter(o.Registerer, l)
	return l
}

// now is nanoseconds since epoch.
func (l *Limiter) now() int64 { return int64(time.Since(l.epoch)) }

// unlock lets go of mu, and then closes those that were to be closed, and tells the
// listener of those that are ready.
func (l *Limiter) unlock() {
	doomed, grown := l.doomed, l.grown
	l.doomed, l.grown = nil, false
	l.mu.Unlock()
	if grown {
		l.interrupt()
	}
	for _, c := range doomed {
		_ = c.Close() // net/http reads or writes no more of it
	}
}

// ownerLocked is the owner with a key, who may be new.
func (l *Limiter) ownerLocked(key ownerKey) *owner {
	o := l.owners[key]
	if o == nil {
		o = &owner{key: key}
		l.owners[key] = o
		heap.Push(&l.byActive, o)
		heap.Push(&l.byWaiting, o)
	}
	return o
}

// joinLocked makes a connection active.
func (l *Limiter) joinLocked(c *conn, o *owner) {
	c.state = active
	o.add(c)
	l.active++
	l.changedLocked(o)
}

// leaveLocked takes a connection from among the active or waiting ones.
func (l *Limiter) leaveLocked(c *conn, to state) {
	o := c.owner
	switch c.state {
	case gone:
		return
	case active:
		o.remove(c)
		l.active--
	case waiting:
		l.unqueueLocked(c)
	}
	if o != nil {
		l.changedLocked(o)
	}
	c.state = to
}

// moveLocked gives an active connection to another owner.
func (l *Limiter) moveLocked(c *conn, key ownerKey) {
	from, to := c.owner, l.ownerLocked(key)
	if from == to {
		return
	}
	from.remove(c)
	to.add(c)
	l.changedLocked(from)
	l.changedLocked(to)
}

// changedLocked puts an owner where its counts say.
func (l *Limiter) changedLocked(o *owner) {
	heap.Fix(&l.byActive, o.at[0])
	heap.Fix(&l.byWaiting, o.at[1])
	switch hasTurn := o.waiting.Len() > 0 && l.ownsLessLocked(o); {
	case hasTurn && o.turn == nil:
		o.turn = l.turns.PushBack(o)
	case !hasTurn && o.turn != nil:
		l.turns.Remove(o.turn)
		o.turn = nil
	}
	if len(o.active) == 0 && o.waiting.Len() == 0 {
		heap.Remove(&l.byActive, o.at[0])
		heap.Remove(&l.byWaiting, o.at[1])
		delete(l.owners, o.key)
	}
}

// ownsLessLocked reports whether an owner has fewer active ones than it may have.
func (l *Limiter) ownsLessLocked(o *owner) bool {
	return l.o.Limit <= 0 || o.key.proxy || len(o.active) < l.perOwner
}
