package sse

import (
	"sort"

	"causette/chat"
)

// maxFrames bounds how many frames a tail keeps, whatever their size.
const maxFrames = 2048

// mark says where one frame of a tail begins and what it is. The frame ends
// where the next one begins.
type mark struct {
	off int64        // from the tail's birth
	id  chat.EventID // 0-0 for a live-only frame
	at  int64        // ms of Unix time when it was posted; 0 where not known
}

func (m mark) live() bool { return m.id.IsZero() }

// index is a queue of marks, oldest first: a ring that grows from a few to
// maxFrames, so that a quiet room's costs little. Not safe for concurrent use.
type index struct {
	ring  []mark
	first int // where in ring the oldest stands
	n     int
}

// at is the i-th mark, counted from the oldest kept.
func (x *index) at(i int) *mark { return &x.ring[(x.first+i)&(len(x.ring)-1)] }

// push adds the newest mark. The caller drops first what is past maxFrames.
func (x *index) push(m mark) {
	if x.n == len(x.ring) {
		grown := make([]mark, max(16, 2*len(x.ring))) // a power of two, for the masking
		for i := range x.n {
			grown[i] = *x.at(i)
		}
		x.ring, x.first = grown, 0
	}
	x.n++
	*x.at(x.n - 1) = m
}

// compact gives back the part of the ring that is not in use.
func (x *index) compact() {
	n := 16
	for n < x.n {
		n *= 2
	}
	if n == len(x.ring) {
		return
	}
	some := make([]mark, n)
	for i := range x.n {
		some[i] = *x.at(i)
	}
	x.ring, x.first = some, 0
}

// drop forgets the oldest mark.
func (x *index) drop() {
	x.first = (x.first + 1) & (len(x.ring) - 1)
	x.n--
}

// over is the number of the first mark that begins past pos, so that over-1 is
// the frame in which pos stands.
func (x *index) over(pos int64) int {
	return sort.Search(x.n, func(i int) bool { return x.at(i).off > pos })
}

// after is the offset of what follows the durable event id, given where the
// index ends. It reports false if neither that event nor its successor is here.
// It looks from the newest back: most readers ask for something near the end.
func (x *index) after(id chat.EventID, end int64) (int64, bool) {
	for i := x.n - 1; i >= 0; i-- {
		m := x.at(i)
		switch {
		case m.live():
		case m.id == id:
			return end, true // the first frame of a new epoch may follow it
		case id.Precedes(m.id):
			return m.off, true
		}
		end = m.off
	}
	return 0, false
}

// durableRun is the first run of durable frames in [pos, limit): from where it
// begins to where it ends. Both are the end of the search if there is none. A
// frame in which pos stands is sent to its end, whatever it is.
func (x *index) durableRun(pos, limit int64) (from, to int64) {
	i := x.over(pos) - 1
	if x.at(i).off == pos {
		for i < x.n && x.at(i).off < limit && x.at(i).live() {
			i++
		}
		if i == x.n || x.at(i).off >= limit {
			return limit, limit
		}
		pos = x.at(i).off
	}
	for i++; i < x.n && x.at(i).off < limit && !x.at(i).live(); {
		i++
	}
	if i == x.n {
		return pos, limit
	}
	return pos, min(limit, x.at(i).off)
}

// posted is when the oldest message that begins in [from, to) was posted, in ms
// of Unix time, or 0 if none is known.
func (x *index) posted(from, to int64) int64 {
	i := x.over(from) - 1
	if i < 0 || x.at(i).off < from {
		i++
	}
	for ; i < x.n && x.at(i).off < to; i++ {
		if at := x.at(i).at; at != 0 {
			return at
		}
	}
	return 0
}
