package store

import (
	"sync"
	"time"

	"causette/chat"
)

// maxPending is how many announcements a room gathers while its log is being
// read. One more, and all are dropped: the log has the durable ones.
const maxPending = 1024

// phase is what a followed room waits for.
type phase uint8

const (
	waiting phase = iota // the subscription; announcements are of no use yet
	filling              // a reading of the log; announcements gather in pending
	live                 // announcements
)

// feedRoom makes one room's announcements contiguous. It does no I/O: whoever
// drives it reads the log when it says so.
//
//	waiting --begin--> filling --loaded, filled--> live --hole--> filling
//	   ^-------------- lost, suspend --------------'
type feedRoom struct {
	// Static after construction.
	room chat.RoomID
	load int
	ttl  time.Duration // how long the log is kept after its last event; 0 = forever
	sink chat.Sink
	// opened is closed once the sink has the end of the log, or openErr is set.
	opened  chan struct{}
	openErr error

	link *link // guarded by feed.mu: where it is subscribed or to be; nil while nobody knows

	mu    sync.Mutex // guards what follows, and makes the sink's calls one at a time
	phase phase
	busy  bool // somebody reads the log for it, until it is live or waits
	// fresh says that the sink has nothing: the end of the log is loaded, from
	// wherever it is, rather than what follows last.
	fresh bool
	// last is the position that the sink has reached, and reached when that was.
	last    chat.EventID
	reached time.Time
	// pending are the announcements that came while filling. The first mark of
	// them came before the log was last asked, so its answer knows of them.
	pending  []chat.Event
	mark     int
	overflow bool // pending was dropped
	dropped  bool // and with it what no log keeps, since recall last asked
	settled  bool // opened is closed
	told     bool // the sink has been told that Redis is down
	closed   bool // the sink gets nothing more
}

func newFeedRoom(room chat.RoomID, load int, ttl time.Duration, sink chat.Sink) *feedRoom {
	return &feedRoom{room: room, load: load, ttl: ttl, sink: sink, opened: make(chan struct{}), fresh: true}
}

// begin says that the subscription holds from now on. It reports whether the
// log is to be read; whoever still reads it for an earlier subscription does so once more.
func (r *feedRoom) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.phase != waiting {
		return false
	}
	r.phase = filling
	if r.busy {
		r.overrun()
		return false
	}
	r.busy = true
	return true
}

// suspend says that the room is subscribed no longer, for no fault of a connection:
// it is to be subscribed elsewhere, and nobody need know.
func (r *feedRoom) suspend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wait()
}

// wait forgets what was announced: it is in the log, which is read when the next
// subscription holds. The caller holds mu.
func (r *feedRoom) wait() { r.phase, r.pending, r.mark, r.overflow = waiting, nil, 0, false }

// lost says that the connection is gone, and with it what was announced since.
// It reports whether the room goes on; one that was never opened does not.
func (r *feedRoom) lost(cause error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wait()
	if !r.settled {
		r.settle(cause)
		r.closed = true
	}
	return !r.closed
}

// settle tells Follow how it ended. The caller holds mu.
func (r *feedRoom) settle(err error) {
	if !r.settled {
		r.settled, r.openErr = true, err
		close(r.opened)
	}
}

// isOpen reports whether the sink has had the end of the log.
func (r *feedRoom) isOpen() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.settled
}

// close ends the room: no call of the sink begins after it returned.
func (r *feedRoom) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// down tells the sink that Redis is away, once. It is told when it is back as soon
// as the room has caught up.
func (r *feedRoom) down() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed && r.settled && !r.told && r.phase == waiting {
		r.told = true
		r.sink.Receive(statusDown)
	}
}

// announce takes the next announcement. It reports whether it shows a hole, so
// that the log is to be read.
func (r *feedRoom) announce(e chat.Event) (hole bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed || r.phase == waiting:
		return false
	case r.phase == filling:
		r.gather(e)
		return false
	case r.place(e):
		return false
	}
	r.phase, r.busy = filling, true
	r.gather(e)
	return true
}

// gather keeps an announcement for when the log has been read.
func (r *feedRoom) gather(e chat.Event) {
	if r.overflow {
		return
	}
	if len(r.pending) == maxPending {
		r.overrun()
		return
	}
	r.pending = append(r.pending, e)
}

// overrun drops what gathered, and has the log read once more. The caller holds mu.
func (r *feedRoom) overrun() {
	r.pending, r.mark, r.overflow, r.dropped = nil, 0, true, true
}

// doubt says that the log may not go on from where the sink is. It reports whether
// the log is to be read; a reading under way is done once more.
func (r *feedRoom) doubt() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed || r.phase == waiting:
		return false
	case r.phase == filling:
		r.overrun()
		return false
	}
	r.phase, r.busy = filling, true
	return true
}

// place hands on what comes next and drops what is old. It reports false for
// what does neither: something is missing before it, or the log goes on in
// another epoch, and only the log knows whether that is where we are.
func (r *feedRoom) place(e chat.Event) bool {
	switch {
	case !e.Durable():
		r.sink.Receive(e)
	case r.last.Precedes(e.ID), r.expired() && e.ID.Epoch > r.last.Epoch && e.ID.Seq == 0:
		r.reach(e.ID)
		r.sink.Receive(e)
	case e.ID.Epoch == r.last.Epoch && e.ID.Seq <= r.last.Seq:
	default:
		return false
	}
	return true
}

// reach moves the position. The caller holds mu.
func (r *feedRoom) reach(id chat.EventID) { r.last, r.reached = id, time.Now() }

// expired reports whether the log went away in its time, rather than being lost. The
// caller holds mu.
func (r *feedRoom) expired() bool { return r.ttl > 0 && time.Since(r.reached) >= r.ttl }
