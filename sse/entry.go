package sse

import (
	"context"
	"sync"
	"time"

	"causette/chat"
)

// entry is a room's place in the hub: its readers, and its life from the first
// of them until some time after the last.
type entry struct {
	// Static after construction.
	id      chat.RoomID
	before  <-chan struct{}    // closed when the same room's last life is over; nil if it had none
	cancel  context.CancelFunc // gives up opening
	settled chan struct{}      // closed when the room is open, or is known to take long
	ready   chan struct{}      // closed when the room is open
	opened  chan struct{}      // closed when opening succeeded or was given up
	gone    chan struct{}      // closed when the room is no longer followed
	settle  func()             // closes settled, once

	room *room // set before ready is closed

	// Guarded by Hub.mu.
	readers int
	linger  *time.Timer // runs while there are no readers
	closing bool        // no one enters any more
}

// count is how many readers a room has.
func (h *Hub) count(e *entry) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return e.readers
}

// IsOpen reports whether a room is open here, so that one more reader opens nothing.
func (h *Hub) IsOpen(room chat.RoomID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.rooms[room]
	return e != nil && !e.closing
}

// enter counts a reader in and begins to open the room if it is the first.
// It returns nil when the hub is closed. Each entry is left once.
func (h *Hub) enter(id chat.RoomID) *entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed.Err() != nil {
		return nil
	}
	e := h.rooms[id]
	if e == nil || e.closing {
		e = h.newEntry(id, e)
	}
	e.readers++
	if e.linger != nil {
		e.linger.Stop()
		e.linger = nil
		h.lingers--
	}
	return e
}

// newEntry opens a room in its own goroutine. Called with mu held.
func (h *Hub) newEntry(id chat.RoomID, last *entry) *entry {
	ctx, cancel := context.WithCancel(h.closed)
	e := &entry{
		id: id, cancel: cancel,
		settled: make(chan struct{}), ready: make(chan struct{}),
		opened: make(chan struct{}), gone: make(chan struct{}),
	}
	e.settle = sync.OnceFunc(func() { close(e.settled) })
	if last != nil {
		e.before = last.gone
	}
	h.rooms[id] = e
	h.tasks.Go(func() { h.open(ctx, e) })
	return e
}

// open follows the room, trying again for as long as anybody waits. Each try
// has a room of its own, so that what a failed one loaded is forgotten.
func (h *Hub) open(ctx context.Context, e *entry) {
	defer close(e.opened)
	defer e.cancel()
	patience := time.AfterFunc(openPatience, e.settle)
	defer patience.Stop()
	if e.before != nil {
		<-e.before
	}
	for try := 0; ctx.Err() == nil; try++ {
		r := h.newRoom(e.id)
		ask, cancel := context.WithTimeout(ctx, askTimeout)
		head, err := h.source.Follow(ask, e.id, openLoad, r)
		cancel()
		if err == nil {
			t, _, _ := r.now()
			t.startAt(head)
			e.room = r
			close(e.ready)
			e.settle()
			return
		}
		r.forget()
		if try == 0 && ctx.Err() == nil {
			h.o.Log.Warn("room does not open; trying on", "room", string(e.id), "error", err)
		}
		e.settle()
		rest(ctx, backoff(try))
	}
}

// newRoom is a room whose tails count against the hub's budget.
func (h *Hub) newRoom(id chat.RoomID) *room {
	r := newRoom(h.o.TailSize, h.o.Metrics)
	r.equip = func(t *tail) {
		t.pages = h.library.shelf(id, h.budget.pages.limit/2)
		h.tails.add(t)
	}
	r.equip(r.tail)
	return r
}

// leave counts a reader out. The last one sets the room's end some time ahead.
func (h *Hub) leave(e *entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.readers--; e.readers > 0 || e.closing {
		return
	}
	linger := h.o.Linger
	if h.lingers >= maxLingering {
		linger = 0
	}
	h.lingers++
	e.linger = time.AfterFunc(linger, func() { h.expire(e) })
}

// expire closes a room that is still without readers.
func (h *Hub) expire(e *entry) {
	h.mu.Lock()
	if e.readers > 0 || e.closing {
		h.mu.Unlock()
		return
	}
	e.closing = true
	if e.linger != nil {
		e.linger = nil
		h.lingers--
	}
	h.tasks.Add(1)
	h.mu.Unlock()
	defer h.tasks.Done()
	h.unfollow(e)
}

// unfollow ends the life of a room that is marked closing. It may wait for the
// store, so no one else does: whoever comes meanwhile gets a new entry, which
// opens when this one is gone.
func (h *Hub) unfollow(e *entry) {
	e.cancel()
	<-e.opened
	if e.room != nil {
		h.source.Unfollow(e.id)
		e.room.forget()
	}
	h.mu.Lock()
	if h.rooms[e.id] == e {
		delete(h.rooms, e.id)
	}
	h.mu.Unlock()
	close(e.gone)
}
