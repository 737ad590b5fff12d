package sse

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"causette/chat"
)

const (
	// openLoad is how many of the newest events a room's tail begins with: fewer if
	// they are long.
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
	// AfterWithin reads at most limit events that follow after in room's log, and no
	// more than so many bytes of them, but for a first one that is larger.
	AfterWithin(ctx context.Context, room chat.RoomID, after chat.EventID, limit, bytes int) (chat.Page, error)
}

// presence is who is told of comings and goings. None of it waits for Redis.
type presence interface {
	// Join is told the address too, as it is counted.
	Join(room chat.RoomID, who chat.Person, address string)
	Leave(room chat.RoomID, sessionID string)
	// Participants counts whoever has joined here, and knows every presence event
	// that has come to the room.
	Participants(room chat.RoomID) chat.Presence
}

// Options are a hub's settings. A zero duration or size means its default.
type Options struct {
	TailSize int   // bytes kept of each open room, at most; 1 MiB
	Memory   int64 // bytes of all tails, pages of logs and readers that catch up; 256 MiB, at least 8
	// MaxStreams is how many streams are open at once, at most what the limit of open
	// files allows; 0 is as many as that allows, negative is no limit.
	MaxStreams int
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
	if o.Memory <= 0 {
		o.Memory = defaultMemory
	}
	if o.MaxStreams >= 0 {
		o.MaxStreams = processFiles().streams(o.MaxStreams)
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
	files    fileBudget
	source   source
	presence presence
	draining chan struct{}      // closed by the first Drain or Close
	closed   context.Context    // ends with Close
	stop     context.CancelFunc // ends closed
	poller   *poller            // nil: every stream keeps its goroutine
	full     occasion           // when it was last said that streams are refused
	after    *aftermath
	budget   *budget
	tails    *tails
	library  *library
	tasks    sync.WaitGroup // goroutines that open and close rooms; grows under mu

	mu      sync.Mutex // never held while waiting
	rooms   map[chat.RoomID]*entry
	lingers int // rooms without readers that are still open
	streams int
	origins map[string]*origin // by address
	idle    chan struct{}      // made by Drain, closed when streams is 0
}

// NewHub makes a hub with no room open. End it with [Hub.Close].
func NewHub(o Options, src source, who presence) *Hub {
	ctx, stop := context.WithCancel(context.Background())
	asked := o.MaxStreams
	o = o.withDefaults()
	if asked > o.MaxStreams {
		o.Log.Warn("fewer streams than MAX_STREAMS: the limit of open files allows no more",
			"streams", o.MaxStreams, "asked", asked)
	}
	h := &Hub{
		o: o, files: processFiles(), source: src, presence: who,
		draining: make(chan struct{}), closed: ctx, stop: stop,
		rooms: make(map[chat.RoomID]*entry), after: newAftermath(), origins: make(map[string]*origin),
	}
	h.budget = newBudget(h.o.Memory, h.o.Metrics)
	h.tails = newTails(&h.budget.tails)
	if most := h.budget.tails.limit / tailsPart; int64(h.o.TailSize) > most {
		h.o.Log.Warn("less of each room is kept than TAIL_SIZE: an eighth of the memory for rooms and readers",
			"bytes", most, "asked", h.o.TailSize)
		h.o.TailSize = int(most)
	}
	h.library = newLibrary(ctx, src, &h.budget.pages)
	if o.Poller {
		var err error
		if h.poller, err = newPoller(h); err != nil {
			h.o.Log.Warn("every stream keeps its goroutine", "error", err)
		}
	}
	return h
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
	h.library.close()
	for _, e := range open {
		h.unfollow(e)
	}
	h.tasks.Wait()
}
