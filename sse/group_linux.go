package sse

import (
	"sync/atomic"
	"time"
)

const (
	// slice is how many readers a loop writes to before it looks at other rooms: a
	// small room waits for that many writes of a large one, and not for all.
	slice = 256
	// dear is how many bytes count as much as a reader, so that a room whose
	// readers are all far behind does not take the longer for it.
	dear = 4 << 10

	// A room whose pass took long and came soon after another rests before the next
	// one for four times as long, but no longer than longestRest: what gathers meanwhile is
	// one write to each. A pass shorter than longPass, of few readers, costs less than the timer.
	longPass, restFactor, longestRest = time.Millisecond, 4, 25 * time.Millisecond
)

// group is the readers of one tail on one loop.
type group struct {
	// Static after construction.
	loop  *loop
	entry *entry
	tail  *tail

	queued atomic.Bool // it is in the loop's queue
	behind *group      // the next one there; guarded by the loop's mu

	// Owned by the loop.
	readers []*reader
	next    int   // how far the pass under way has come; 0 between passes
	seen    int64 // the tail's end when the pass began
	began   time.Time
	hurried bool      // the pass before began less than longestRest earlier
	rests   time.Time // until when; in the past if it does not
}

// moved says that the tail has grown or closed. Called by the tail's writer.
func (g *group) moved() {
	if g.queued.CompareAndSwap(false, true) {
		g.loop.enqueue(g)
	}
}

// add takes a reader in, at the end: a pass under way comes by.
func (g *group) add(r *reader) {
	r.group, r.slot = g, int32(len(g.readers))
	g.readers = append(g.readers, r)
}

// remove takes a reader out. Those whom the pass has yet to see stay behind its
// mark, so that none is passed over.
func (g *group) remove(r *reader) {
	hole, last := int(r.slot), len(g.readers)-1
	if hole < g.next {
		g.next--
		g.move(g.next, hole)
		hole = g.next
	}
	if hole != last { // else who stood there may have filled the first hole
		g.move(last, hole)
	}
	g.readers[last] = nil
	g.readers = g.readers[:last]
}

func (g *group) move(from, to int) {
	r := g.readers[from]
	g.readers[to], r.slot = r, int32(to)
}

// pass writes to the next slice of readers. It reports whether there is more to
// do: readers not come to yet, or something that happened behind its back.
func (g *group) pass() (more bool) {
	if g.next == 0 {
		now := time.Now()
		g.hurried = now.Sub(g.began) < longestRest
		g.seen, g.began = g.tail.end.Load(), now
	}
	over, from := g.tail.closed.Load(), g.seen
	for budget := g.loop.slice; budget > 0 && g.next < len(g.readers); {
		r := g.readers[g.next]
		g.next++ // before r may be removed, which moves it back
		before := max(r.pos, r.liveFrom)
		n, ended := g.loop.serve(r)
		if n > 0 {
			from = min(from, before)
		}
		if !ended && over {
			g.loop.end(r, replaced)
		}
		budget -= 1 + n/dear
	}
	g.loop.observe(g.tail, from, g.seen)
	if g.next < len(g.readers) {
		return true
	}
	g.next = 0
	if now := time.Now(); g.hurried && now.Sub(g.began) > g.loop.longPass {
		g.rests = now.Add(min(restFactor*now.Sub(g.began), longestRest))
	}
	// A tail that closed half way through was queued already: nobody calls again.
	return len(g.readers) > 0 && (g.tail.end.Load() != g.seen || g.tail.closed.Load())
}

// queue is groups in line, threaded through the groups themselves.
type queue struct{ first, last *group }

func (q *queue) push(g *group) {
	if q.first == nil {
		q.first = g
	} else {
		q.last.behind = g
	}
	q.last = g
}

// pop is the first in line, or nil.
func (q *queue) pop() *group {
	g := q.first
	if g != nil {
		q.first, g.behind = g.behind, nil
	}
	if q.first == nil {
		q.last = nil
	}
	return g
}
