package sse

import (
	"errors"
	"sync"
	"sync/atomic"

	"causette/chat"
)

// Segment sizes in bytes. A tail begins with a small one, so that ten thousand
// quiet rooms cost little, and each next one is twice as large.
const (
	minSegment = 1 << 10
	maxSegment = 64 << 10
)

// errBehind says that a position fell off the back of the tail.
var errBehind = errors.New("position is older than the tail")

// cursor is a reader's place in a tail, in bytes from the tail's birth: two
// numbers, and all that a reader is once it has joined.
type cursor struct {
	pos int64 // sent so far; it may stand inside a frame
	// liveFrom is where the tail ended when the reader attached. Before it the
	// reader catches up, and gets durable frames only: an old typing line or a
	// notice that others saw long ago is not news.
	liveFrom int64
}

// segment is a stretch of the tail. Its bytes are written once, before the
// tail's end passes them, and never change after.
type segment struct {
	base int64 // offset of buf[0]
	buf  []byte
}

// tail is the end of one room's log as bytes ready for the wire: append-only,
// shared by all readers of the room, and never longer than its limits except
// for one frame that is larger than them.
type tail struct {
	// Static after construction.
	limit      int64 // bytes kept
	segmentCap int   // bytes of a full-grown segment

	// Written by the writer alone, under mu; read by anyone without it.
	start    atomic.Int64                  // the oldest byte that is kept
	end      atomic.Int64                  // one past the newest published byte
	segments atomic.Pointer[[]segment]     // oldest first; replaced, never changed
	wake     atomic.Pointer[chan struct{}] // nil while nobody waits
	watchers atomic.Pointer[[]watcher]     // replaced, never changed
	closed   atomic.Bool

	mu    sync.RWMutex // the index; held for memory work only
	index index
	head  chat.EventID // the newest durable event, kept or not
	known bool         // head is the log's; a replaced log's is not at first
	next  int          // size of the next segment

	held  int64        // bytes counted in tails
	tails *tails       // nil if it is counted nowhere
	used  atomic.Int64 // when it last was, by the clock of tails

	pages *shelf // static; of the log, for readers that are not in the tail yet
}

func newTail(limit int) *tail {
	t := &tail{limit: int64(limit), segmentCap: min(maxSegment, max(minSegment, limit/8)), next: minSegment}
	t.segments.Store(new([]segment))
	t.watchers.Store(new([]watcher))
	return t
}

// append publishes one whole frame and wakes whoever waits. A durable frame
// comes with its id; at is when it was posted, in ms of Unix time, or 0.
// One writer at a time.
func (t *tail) append(frame []byte, id chat.EventID, at int64) {
	t.mu.Lock()
	begin := t.end.Load()
	end := begin + int64(len(frame))
	segments, marks := t.segments.Load(), len(t.index.ring)
	t.makeRoom(end)
	copy(t.room(begin, len(frame)), frame)
	t.index.push(mark{off: begin, id: id, at: at})
	if !id.IsZero() {
		t.head, t.known = id, true
	}
	t.end.Store(end)
	t.touchLocked()
	over, all := false, t.tails
	if t.segments.Load() != segments || len(t.index.ring) != marks {
		over = t.countLocked()
	}
	t.mu.Unlock()
	t.rouse()
	if over {
		all.shrink()
	}
}

// makeRoom drops the oldest frames until one more, ending at end, fits.
func (t *tail) makeRoom(end int64) {
	x := &t.index
	for x.n > 0 && (x.n == maxFrames || end-x.at(0).off > t.limit) {
		x.drop()
	}
	start := t.end.Load()
	if x.n > 0 {
		start = x.at(0).off
	}
	t.dropBefore(start)
}

// dropBefore lets go of the segments that end before start.
func (t *tail) dropBefore(start int64) {
	t.start.Store(start)
	segs := *t.segments.Load()
	dead := 0
	for dead < len(segs)-1 && segs[dead+1].base <= start {
		dead++
	}
	if dead > 0 {
		t.segments.Store(new(append([]segment(nil), segs[dead:]...)))
	}
}

// room is where a frame of n bytes that begins at offset begin is to be written:
// the end of the last segment, or a new one. A frame is never split over two.
func (t *tail) room(begin int64, n int) []byte {
	segs := *t.segments.Load()
	if len(segs) > 0 {
		last := segs[len(segs)-1]
		if free := last.buf[begin-last.base:]; n <= len(free) {
			return free
		}
	}
	seg := segment{base: begin, buf: make([]byte, max(n, t.next))}
	t.next = min(2*t.next, t.segmentCap)
	t.segments.Store(new(append(append(make([]segment, 0, len(segs)+1), segs...), seg)))
	return seg.buf
}

// run is the next stretch of bytes for a reader at c, and the position after it.
// A reader that is caught up gets nothing and its own position; one that skips
// live frames may get nothing and a later position. The bytes are the tail's own
// and must not be changed; holding them keeps at most one segment in memory.
// The error is errBehind if the position fell off.
func (t *tail) run(c cursor) (chunk []byte, next int64, err error) {
	end := t.end.Load() // before segments: those loaded later hold at least it
	if c.pos >= end {
		return nil, c.pos, nil
	}
	if c.pos >= c.liveFrom {
		return t.bytes(c.pos, end)
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	if c.pos < t.start.Load() {
		return nil, c.pos, errBehind
	}
	from, to := t.index.durableRun(c.pos, min(end, c.liveFrom))
	if from == to {
		return nil, to, nil
	}
	return t.bytes(from, to)
}

// bytes is what is published of [from, to), up to the end of from's segment.
// from is before the tail's end.
func (t *tail) bytes(from, to int64) (chunk []byte, next int64, err error) {
	if from < t.start.Load() {
		return nil, from, errBehind
	}
	segs := *t.segments.Load()
	i := len(segs) - 1
	for i >= 0 && segs[i].base > from { // most readers are near the end
		to = min(to, segs[i].base)
		i--
	}
	if i < 0 { // dropped since start was read
		return nil, from, errBehind
	}
	base := segs[i].base
	return segs[i].buf[from-base : to-base : to-base], to, nil
}

// after is the position behind the durable event id. It reports false if the
// tail does not know that event: too old, not yet come, or of another log.
func (t *tail) after(id chat.EventID) (pos int64, ok bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	t.touchLocked()
	end := t.end.Load()
	if t.known && id == t.head {
		return end, true
	}
	return t.index.after(id, end)
}

// newest is the id of the newest durable event, 0-0 before a log's first. It
// reports false where a replaced log has not said yet.
func (t *tail) newest() (id chat.EventID, known bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.head, t.known
}

// behind reports whether the tail has yet to be given the event of this id.
func (t *tail) behind(id chat.EventID) bool {
	newest, known := t.newest()
	return !known || newest.Compare(id) < 0
}

// oldest is the position of the oldest frame kept, and the id just before the
// first durable event from there on.
func (t *tail) oldest() (pos int64, id chat.EventID) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for i := range t.index.n {
		if m := t.index.at(i); !m.live() {
			return m.off, m.id.Back(1)
		}
	}
	return t.end.Load(), t.head
}

// startAt says what the log's newest event is, for a tail that got none of it:
// whatever is appended from here on follows head.
func (t *tail) startAt(head chat.EventID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.known {
		t.head, t.known = head, true
	}
}

// learn takes from an answer of the log that it is empty: all that comes follows 0-0.
func (t *tail) learn(p *page) {
	if p.head.IsZero() {
		t.startAt(p.head)
	}
}

// posted is when the oldest message that begins in [from, to) was posted, in ms
// of Unix time, or 0 if there is none.
func (t *tail) posted(from, to int64) int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.index.posted(from, to)
}
