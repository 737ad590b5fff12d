package sse

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"causette/chat"
)

const (
	// openLoad is how many of the newest events a room's tail begins with.
	openLoad = 100
	// openPatience is how long a reader of a room that does not open waits in
	// silence; then it is told that Redis is away.
	openPatience = time.Second
	// askTimeout bounds each question to the store.
	askTimeout = 5 * time.Second
	// maxLingering is how many rooms stay open without readers. One more goes with
	// its last reader, so that rooms that nobody reads are no memory to speak of,
	// however many are made.
	maxLingering = 1024
)

// source is where a room's events come from.
type source interface {
	// Follow loads the newest load events of room's log into sink, then hands it
	// every event until Unfollow, in order, without hole or double. It returns the
	// id of the log's newest event. After an error nothing is followed.
	Follow(ctx context.Context, room chat.RoomID, load int, sink chat.Sink) (head chat.EventID, err error)
	// Unfollow ends what Follow began.
	Unfollow(room chat.RoomID)
	// After reads at most limit events that follow after in room's log.
	After(ctx context.Context, room chat.RoomID, after chat.EventID, limit int) (chat.Page, error)
}

// presence is who is told of comings and goings. None of it waits for Redis.
type presence interface {
	Join(room chat.RoomID, who chat.Person)
	Leave(room chat.RoomID, sessionID string)
	// Participants counts whoever has joined here, and knows every presence event
	// that has come to the room.
	Participants(room chat.RoomID) chat.Presence
}

// Options are a hub's settings. A zero duration or size means its default.
type Options struct {
	TailSize   int // bytes kept of each open room; 1 MiB
	MaxStreams int // streams open at once; 0 is what the limit of open files allows, negative is no limit
	// MaxStreamsPerAddress is how many of them one address has; 0 is three
	// quarters of MaxStreams, so that no address alone fills an instance.
	MaxStreamsPerAddress int
	Heartbeat            time.Duration // silence before a ping; 15 s
	Drain                time.Duration // over which streams are told to leave; 5 s
	WriteTimeout         time.Duration // for a single write to finish; 30 s
	Linger               time.Duration // how long a room stays open without readers; 30 s
	Instance             string        // this instance's name, told in hello
	// Poller has streams' sockets taken over from net/http where that can be:
	// see [ConnContext]. Otherwise every stream keeps its goroutine.
	Poller  bool
	Log     *slog.Logger // nil is slog.Default
	Metrics *Metrics     // nil counts for nobody
}

func (o Options) withDefaults() Options {
	if o.TailSize <= 0 {
		o.TailSize = 1 << 20
	}
	if o.MaxStreams == 0 {
		o.MaxStreams = streamLimit()
	}
	if o.MaxStreamsPerAddress == 0 && o.MaxStreams > 0 {
		o.MaxStreamsPerAddress = max(1, o.MaxStreams*3/4)
	}
	for _, d := range []struct {
		v *time.Duration
		d time.Duration
	}{
		{&o.Heartbeat, 15 * time.Second}, {&o.Drain, 5 * time.Second},
		{&o.WriteTimeout, 30 * time.Second}, {&o.Linger, 30 * time.Second},
	} {
		if *d.v <= 0 {
			*d.v = d.d
		}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
	return o
}

// Hub knows which rooms are open on this instance and which streams read them.
type Hub struct {
	// Static after construction.
	o        Options
	source   source
	presence presence
	draining chan struct{}      // closed by the first Drain or Close
	closed   context.Context    // ends with Close
	stop     context.CancelFunc // ends closed
	poller   *poller            // nil: every stream keeps its goroutine
	full     occasion           // when it was last said that streams are refused
	after    *aftermath
	tasks    sync.WaitGroup // goroutines that open and close rooms; grows under mu

	mu      sync.Mutex // never held while waiting
	rooms   map[chat.RoomID]*entry
	lingers int // rooms without readers that are still open
	streams int
	origins map[string]*origin // by address
	idle    chan struct{}      // made by Drain, closed when streams is 0
}

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

// NewHub makes a hub with no room open. End it with [Hub.Close].
func NewHub(o Options, src source, who presence) *Hub {
	ctx, stop := context.WithCancel(context.Background())
	h := &Hub{
		o: o.withDefaults(), source: src, presence: who,
		draining: make(chan struct{}), closed: ctx, stop: stop,
		rooms: make(map[chat.RoomID]*entry), after: newAftermath(), origins: make(map[string]*origin),
	}
	if o.Poller {
		var err error
		if h.poller, err = newPoller(h); err != nil {
			h.o.Log.Warn("every stream keeps its goroutine", "error", err)
		}
	}
	return h
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
		r := newRoom(h.o.TailSize, h.o.Metrics)
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
		if try == 0 && ctx.Err() == nil {
			h.o.Log.Warn("room does not open; trying on", "room", string(e.id), "error", err)
		}
		e.settle()
		rest(ctx, backoff(try))
	}
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
	}
	h.mu.Lock()
	if h.rooms[e.id] == e {
		delete(h.rooms, e.id)
	}
	h.mu.Unlock()
	close(e.gone)
}

// Close ends every room and waits until no goroutine of the hub is left. Streams
// that are still there end as soon as their last write lets them; wait for those
// with [Hub.Drain] before, and end the HTTP server first.
func (h *Hub) Close() {
	h.mu.Lock()
	h.stopAccepting()
	h.stop()
	var open []*entry
	for _, e := range h.rooms {
		if !e.closing {
			e.closing = true
			open = append(open, e)
		}
		if e.linger != nil {
			e.linger.Stop()
		}
	}
	h.mu.Unlock()
	h.after.close()
	h.closePoller()
	for _, e := range open {
		h.unfollow(e)
	}
	h.tasks.Wait()
}
