package sse

import (
	"bytes"
	"sync"
	"time"

	"causette/chat"
)

// room is what happens in one room, from the feed into its tail. It implements
// [chat.Sink]: the feed calls it, one call at a time, and it never blocks.
type room struct {
	// Static after construction.
	limit   int // bytes of a tail
	metrics *Metrics
	equip   func(*tail) // gives a tail its part of the hub's memory; nil has none

	mu   sync.Mutex // held for memory work only
	tail *tail      // replaced when the log is
	down bool       // what the last status event said of Redis

	scratch []byte // owned by the feed's call: the frame being made
}

var _ chat.Sink = (*room)(nil)

func newRoom(limit int, m *Metrics) *room {
	return &room{limit: limit, metrics: m, tail: newTail(limit)}
}

// Receive implements [chat.Sink].
func (r *room) Receive(e chat.Event) {
	r.metrics.events.Inc()
	r.scratch = AppendFrame(r.scratch[:0], e)
	id, at := chat.EventID{}, int64(0)
	if e.Durable() {
		id, at = e.ID, postedAt(e.Data)
	}
	r.mu.Lock()
	if e.Kind == chat.KindStatus {
		r.down = bytes.Contains(e.Data, []byte(`"down"`))
	}
	r.tail.append(r.scratch, id, at)
	r.mu.Unlock()
	if cap(r.scratch) > maxSegment {
		r.scratch = nil // one huge event is no reason to keep its size
	}
}

// Replace implements [chat.Sink]: readers of the old tail are sent away, and
// come back to the new one with a verdict.
func (r *room) Replace() {
	anew := newTail(r.limit)
	if r.equip != nil {
		r.equip(anew)
	}
	r.mu.Lock()
	old := r.tail
	r.tail = anew
	r.mu.Unlock()
	old.close()
	old.forget()
}

// forget gives its tail's memory back: nobody comes any more.
func (r *room) forget() {
	t, _, _ := r.now()
	t.forget()
}

// now is the room's tail, its end, and whether Redis is away, all of one moment:
// what a reader is told on attaching is neither missed nor said twice by what
// follows from that end on.
func (r *room) now() (t *tail, end int64, down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tail, r.tail.end.Load(), r.down
}

// postedAt reads when a message was posted, in ms of Unix time, from its
// payload, which begins with it. 0 means that it could not be read, and costs
// no more than a missing measurement.
func postedAt(payload []byte) int64 {
	rest, found := bytes.CutPrefix(payload, []byte(`{"at":"`))
	if !found || len(rest) > 1<<20 {
		return 0
	}
	at, _, found := bytes.Cut(rest[:min(len(rest), 40)], []byte(`"`))
	if !found {
		return 0
	}
	t, err := time.Parse(time.RFC3339Nano, string(at))
	if err != nil {
		return 0
	}
	return t.UnixMilli()
}
