package sse

import (
	"container/list"
	"sync/atomic"
	"time"

	"causette/chat"
)

// pageBytes is how many bytes of events a page has at most, but for a first one
// that is larger.
const pageBytes = 64 << 10

// page is a run of a room's log as bytes ready for the wire, for all who are on
// their way through it. It counts against the budget until the last of its
// holders lets go of it.
type page struct {
	// Static after construction.
	after  chat.EventID // the position that it follows
	frames []byte
	marks  []pageMark
	head   chat.EventID // the log's newest when it was read
	gap    bool
	lib    *library
	size   int64

	holders atomic.Int32

	// Guarded by library.mu; nil of one that is not kept.
	shelf  *shelf
	listed *list.Element // in library.kept
	timer  *time.Timer
}

// pageMark says which event a frame is of, and where it ends.
type pageMark struct {
	id  chat.EventID
	end int
}

// newPage encodes what the log answered. It has one holder.
func newPage(lib *library, after chat.EventID, p chat.Page) *page {
	n := 0
	for _, e := range p.Events {
		n += len(e.Data) + 80 // its id, twice, and the fields' names
	}
	q := &page{
		after: after, head: p.Head, gap: p.Gap, lib: lib,
		frames: make([]byte, 0, n), marks: make([]pageMark, 0, len(p.Events)),
	}
	for _, e := range p.Events {
		q.frames = AppendFrame(q.frames, e)
		q.marks = append(q.marks, pageMark{e.ID, len(q.frames)})
	}
	q.size = int64(256 + cap(q.frames) + 24*len(q.marks))
	q.holders.Store(1)
	return q
}

// hold adds a holder. The caller is one, or has lib.mu and found it kept.
func (p *page) hold() *page {
	p.holders.Add(1)
	return p
}

// release takes a holder away; nil has none. Questions may wait for what that frees,
// so the caller holds no lock.
func (p *page) release() {
	if p != nil && p.drop() {
		p.lib.loads.resume()
	}
}

// drop is release for who sees to the questions. It reports whether that freed the
// page.
func (p *page) drop() bool {
	if p.holders.Add(-1) > 0 {
		return false
	}
	p.lib.share.add(-p.size)
	return true
}

// next is which of the frames is the first behind id. It reports false if the page
// does not say what follows id.
func (p *page) next(id chat.EventID) (frame int, ok bool) {
	switch {
	case len(p.marks) == 0:
		return 0, false
	case id == p.after:
		return 0, true
	}
	n := int(id.Seq-p.marks[0].id.Seq) + 1
	if n <= 0 || n >= len(p.marks) || id.IsZero() {
		return 0, false
	}
	return n, p.marks[n-1].id == id || id.Precedes(p.marks[n].id)
}

// begins is where a frame begins.
func (p *page) begins(frame int) int {
	if frame == 0 {
		return 0
	}
	return p.marks[frame-1].end
}

// cut is how many of the frames end within the first n bytes behind where one begins,
// and what is left of the frame in which the last of those bytes is; nil if that is
// whole.
func (p *page) cut(frame, n int) (whole int, rest []byte) {
	to := p.begins(frame) + n
	for frame+whole < len(p.marks) && p.marks[frame+whole].end <= to {
		whole++
	}
	if to > p.begins(frame+whole) {
		rest = p.frames[to:p.marks[frame+whole].end]
	}
	return whole, rest
}
