package sse

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"
)

// tailFloor is what a tail keeps, in bytes, however many there are.
const tailFloor = 4 << 10

// tailsPart is the part of the tails' share that one tail may have. A tail that has
// it lets go of its oldest frames one by one, and not all of them at once.
const tailsPart = 4

// tails are the ends of all open rooms, and what they hold together. When that is
// more than their share of the budget, those that were used least recently let go
// of their oldest frames, which are in the log still. Safe for concurrent use.
type tails struct {
	share *share
	clock atomic.Int64 // counts uses

	mu     sync.Mutex // held for memory work only; before any tail's
	open   map[*tail]struct{}
	shrank int64 // the clock when they last did
}

func newTails(s *share) *tails { return &tails{share: s, open: make(map[*tail]struct{})} }

// add counts a tail in, which nobody has yet.
func (k *tails) add(t *tail) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t.tails = k
	k.open[t] = struct{}{}
}

// shrink brings the tails well below their share, so that the next time is some
// time away: the least recently used first. Those that were not used since the last
// time keep the least, and those in use half, so that their readers have the time to
// read that they had; then half of that, and so on.
func (k *tails) shrink() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.share.over(0) {
		return // somebody else has
	}
	type use struct {
		t  *tail
		at int64
	}
	uses := make([]use, 0, len(k.open))
	for t := range k.open {
		uses = append(uses, use{t, t.used.Load()})
	}
	slices.SortFunc(uses, func(a, b use) int { return cmp.Compare(a.at, b.at) })
	since, enough := k.shrank, k.share.limit/8*7
	k.shrank = k.clock.Load()
	for before := int64(-1); before != k.share.used.Load(); {
		before = k.share.used.Load()
		for _, u := range uses {
			if k.share.used.Load() <= enough {
				return
			}
			floor := int64(tailFloor)
			if u.at > since {
				floor = max(floor, (u.t.end.Load()-u.t.start.Load())/2)
			}
			u.t.shrink(floor)
		}
	}
}

// forget counts the tail out, for good.
func (t *tail) forget() {
	k := t.tails
	if k == nil {
		return
	}
	t.pages.close()
	k.mu.Lock()
	delete(k.open, t)
	k.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	k.share.add(-t.held)
	t.held = 0
	t.tails = nil
}

// touchLocked says that the tail is in use.
func (t *tail) touchLocked() {
	if t.tails != nil {
		t.used.Store(t.tails.clock.Add(1))
	}
}

// countLocked counts what the tail holds, and reports whether all of them hold too
// much since it grew.
func (t *tail) countLocked() (over bool) {
	if t.tails == nil {
		return false
	}
	size := int64(len(t.index.ring)) * int64(unsafe.Sizeof(mark{}))
	for _, s := range *t.segments.Load() {
		size += int64(len(s.buf))
	}
	grown := size - t.held
	if grown == 0 {
		return false
	}
	t.held = size
	return t.tails.share.add(grown) > t.tails.share.limit && grown > 0
}

// shrink drops all but the newest frames, of so many bytes, or one. Whoever has yet
// to be sent what is dropped is behind. The bytes at an offset never change: where
// few are kept they are copied, for the rest of their segments to be let go of.
func (t *tail) shrink(floor int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x, end := &t.index, t.end.Load()
	if t.held <= 2*floor || x.n == 0 {
		return
	}
	for x.n > 1 && end-x.at(0).off > floor {
		x.drop()
	}
	x.compact()
	start := x.at(0).off
	t.dropBefore(start)
	if end-start < maxSegment {
		t.joinSegments(start, end)
	}
	t.countLocked()
}

// joinSegments copies what is kept into one segment.
func (t *tail) joinSegments(start, end int64) {
	kept := make([]byte, 0, end-start)
	segs := *t.segments.Load()
	for i, s := range segs {
		from, to := max(start, s.base), end
		if i+1 < len(segs) {
			to = segs[i+1].base
		}
		if from < to {
			kept = append(kept, s.buf[from-s.base:to-s.base]...)
		}
	}
	t.segments.Store(new([]segment{{base: start, buf: kept}}))
	t.next = minSegment
}
