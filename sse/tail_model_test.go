package sse

import (
	"bytes"
	"errors"
	"slices"

	"causette/chat"

	"pgregory.net/rapid"
)

// modelFrame is a frame as the model keeps it.
type modelFrame struct {
	mark
	bytes []byte
	log   int // of which it is
}

// model is a tail, and beside it what a naive one would be: the list of all
// frames that ever came, and the log that has the durable ones of them.
type model struct {
	*tail
	frames  []modelFrame
	first   chat.EventID // the log's newest event when the tail was made
	head    chat.EventID // the log's newest event
	knows   bool         // the tail has heard of head
	log     int          // how many logs there were before this one
	logFrom int          // the log keeps the durable ones of frames[logFrom:]
	largest int          // bytes of a frame
	readers []*modelReader
	lent    []lent
}

// modelReader is a reader of the tail, and beside it what a naive one is to get.
type modelReader struct {
	cursor
	joined bool         // in the tail; before that it reads the log
	last   chat.EventID // the newest event that it has of the log
	want   []byte       // what it is yet to get
	ended  bool         // it fell off the tail, or the log was trimmed before it
}

// lent is bytes that a reader was given, and what they were at the time.
type lent struct{ chunk, was []byte }

// add has a frame come.
func (m *model) add(rt *rapid.T, size int, durable bool) {
	f := modelFrame{mark: mark{off: m.end.Load()}, bytes: bytes.Repeat([]byte{byte('a' + len(m.frames)%26)}, size), log: m.log}
	if durable {
		f.id, f.at = nextID(m.head), 1+f.off
		m.head, m.knows = f.id, true
	}
	moved := m.moved()
	m.append(f.bytes, f.id, f.at)
	select {
	case <-moved:
	default:
		rt.Fatal("nobody was woken")
	}
	if first := (*m.segments.Load())[0]; first.base > m.start.Load() {
		rt.Fatalf("it keeps [%d, %d), and has bytes from %d on", m.start.Load(), m.end.Load(), first.base)
	}
	m.frames = append(m.frames, f)
	m.largest = max(m.largest, size)
	for _, r := range m.readers {
		if r.joined || durable {
			r.want = append(r.want, f.bytes...)
		}
	}
}

// nextID is the id of what follows id.
func nextID(id chat.EventID) chat.EventID {
	if id.IsZero() {
		return chat.EventID{Epoch: 9}
	}
	return chat.EventID{Epoch: id.Epoch, Seq: id.Seq + 1}
}

// kept is the frames that the tail is to have: the newest that fit, and the
// newest in any case.
func (m *model) kept() []modelFrame {
	i, size := len(m.frames), 0
	for i > 0 && len(m.frames)-i < maxFrames {
		if size += len(m.frames[i-1].bytes); size > int(m.limit) && i < len(m.frames) {
			break
		}
		i--
	}
	return m.frames[i:]
}

// behind is where what follows the event id begins among frames, or -1. The
// position before any log's first event is that of the newest log.
func behind(frames []modelFrame, id chat.EventID) (first int) {
	first = -1
	for i, f := range frames {
		if f.live() {
			continue
		}
		if f.id == id {
			return i + 1
		}
		if id.Precedes(f.id) {
			first = i
		}
	}
	return first
}

// find holds what the tail says of an id to what it is to say. Its position is
// compared by what a reader gets from there.
func (m *model) find(rt *rapid.T, id chat.EventID) (pos int64, ok bool) {
	pos, ok = m.after(id)
	if want := m.knows && id == m.head || behind(m.kept(), id) >= 0; ok != want {
		rt.Fatalf("after %s is %d, %v; want %v", id, pos, ok, want)
	}
	return pos, ok
}

// inLog is where the log goes on behind id among all frames: -1 if it does not know.
func (m *model) inLog(id chat.EventID) int {
	i := behind(m.frames, id)
	if i < m.logFrom || i < len(m.frames) && !m.inNewestLog(i) {
		return -1
	}
	return i
}

// inNewestLog reports whether the first durable one of frames[i:] is of the log
// that there is now.
func (m *model) inNewestLog(i int) bool {
	for _, f := range m.frames[i:] {
		if !f.live() {
			return f.log == m.log
		}
	}
	return true
}

// page is what the log has behind the last event that r has of it, at most n
// frames. Its error says that the log does not know that event any more.
func (m *model) page(r *modelReader, n int) ([]byte, error) {
	i := m.inLog(r.last)
	if i < 0 && r.last != m.head {
		return nil, errBehind
	}
	var b []byte
	for ; i >= 0 && i < len(m.frames) && n > 0; i++ {
		if f := m.frames[i]; !f.live() {
			b, r.last = append(b, f.bytes...), f.id
			n--
		}
	}
	return b, nil
}

// read gives r at most n more bytes, as its stream would.
func (m *model) read(rt *rapid.T, r *modelReader, n int) (got int) {
	if !r.joined {
		return m.catchUp(rt, r, n)
	}
	chunk, next, err := m.run(r.cursor)
	fell := r.pos < m.end.Load() && r.pos < m.kept()[0].off
	switch {
	case errors.Is(err, errBehind) && fell:
		r.ended = true
		return 0
	case fell || err != nil:
		rt.Fatalf("at %+v of [%d, %d): %v", r.cursor, m.start.Load(), m.end.Load(), err)
	case !bytes.HasPrefix(r.want, chunk):
		rt.Fatalf("at %+v it got %.50q, want %.50q", r.cursor, chunk, r.want)
	case next == r.pos && len(r.want) > 0:
		rt.Fatalf("at %+v it is to wait, with %d bytes to come", r.cursor, len(r.want))
	}
	m.lent = append(m.lent, lent{chunk, slices.Clone(chunk)})
	m.lent = m.lent[max(0, len(m.lent)-20):]
	n = min(n, len(chunk))
	r.want = r.want[n:]
	r.pos = next - int64(len(chunk)-n)
	return n
}

// catchUp gives r the next page of the log, and has it join the tail if it can.
func (m *model) catchUp(rt *rapid.T, r *modelReader, n int) (got int) {
	page, err := m.page(r, 1+n%7)
	if err != nil {
		r.ended = true
		return 0
	}
	if !bytes.HasPrefix(r.want, page) {
		rt.Fatalf("behind %s the log has %.50q, want %.50q", r.last, page, r.want)
	}
	r.want = r.want[len(page):]
	if pos, ok := m.find(rt, r.last); ok {
		r.cursor, r.joined = cursor{pos: pos, liveFrom: m.end.Load()}, true
	}
	return len(page)
}
