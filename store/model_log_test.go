package store

import (
	"fmt"
	"slices"

	"causette/chat"
)

// modelLog is the truth that a feedRoom and page.lua are held against: a log in
// memory, and the reading of it that is under way.
type modelLog struct {
	epoch  int64
	events []chat.Event // the kept ones
	next   int64
	before map[chat.EventID]chat.EventID // what each event ever came after

	room *feedRoom
	sink *recorder

	reading  bool // asked, not yet answered
	fresh    bool
	newest   []chat.Event
	head     chat.EventID
	page     chat.Page
	disturbs int // flushes and trims, which alone justify a Replace
}

func newModelLog(load int) *modelLog {
	sink := newRecorder()
	return &modelLog{
		epoch: 1000, room: newFeedRoom(lobby, load, modelTTL, sink), sink: sink,
		before: make(map[chat.EventID]chat.EventID),
	}
}

// headID is the newest event that was ever in the log and is not lost.
func (m *modelLog) headID() chat.EventID {
	switch {
	case m.next == 0:
		return chat.EventID{}
	case len(m.events) > 0:
		return m.events[len(m.events)-1].ID
	default:
		return chat.EventID{Epoch: m.epoch, Seq: m.next - 1}
	}
}

// publish appends, and announces unless that gets lost.
func (m *modelLog) publish(announced bool) {
	e := chat.Event{ID: chat.EventID{Epoch: m.epoch, Seq: m.next}, Kind: chat.KindMessage}
	e.Data = fmt.Appendf(nil, "%s", e.ID)
	m.before[e.ID] = m.headID()
	m.next++
	m.events = append(m.events, e)
	if announced {
		m.room.announce(e)
	}
}

func (m *modelLog) flush() {
	m.disturbs++
	m.epoch += 10
	m.next, m.events = 0, nil
}

// goBack loses the newest events, as a crash or a failover may; 0 is one that lost
// nothing. What comes next is of another epoch.
func (m *modelLog) goBack(lose int) {
	lose = min(lose, len(m.events)-1)
	if lose < 0 {
		return
	}
	if lose > 0 {
		m.disturbs++
	}
	m.epoch += 10
	m.next -= int64(lose)
	m.events = slices.Clone(m.events[:len(m.events)-lose]) // an answer on its way keeps its own
}

// tear has what is left go on under new ids, as tear.lua does, since somebody knows of
// an event that was lost.
func (m *modelLog) tear(announced bool) {
	m.disturbs++
	m.epoch += 10
	left, last := m.events, chat.EventID{}
	m.events = nil
	for i, e := range left {
		e.ID.Epoch = m.epoch
		if e.Data = []byte(e.ID.String()); i > 0 {
			m.before[e.ID] = last
		}
		m.events, last = append(m.events, e), e.ID
	}
	if announced {
		m.room.doubt()
	}
}

func (m *modelLog) trim(keep int) {
	m.disturbs++
	m.events = m.events[max(len(m.events)-keep, 0):]
}

// ask takes the answer that Redis would give now, to be handed over later.
func (m *modelLog) ask(pageSize int) {
	after, fresh, ok := m.room.wanted()
	if !ok {
		return
	}
	m.reading, m.fresh, m.head = true, fresh, m.headID()
	if fresh {
		m.newest = m.events[max(len(m.events)-m.room.load, 0):]
		return
	}
	m.page = m.after(after, pageSize)
}

func (m *modelLog) after(after chat.EventID, limit int) chat.Page {
	first := m.next - int64(len(m.events))
	start := after.Seq + 1
	if after.IsZero() {
		start = 0
	} else if !m.knows(after) {
		return chat.Page{Gap: true, Head: m.headID()}
	}
	if start < first {
		return chat.Page{Gap: true, Head: m.headID()}
	}
	rest := m.events[start-first:]
	n := min(limit, len(rest))
	return chat.Page{Events: rest[:n], More: n < len(rest), Head: m.headID()}
}

// knows says whether a position is of this log: its epoch is one of those kept,
// and the log had come so far before the next began.
func (m *modelLog) knows(at chat.EventID) bool {
	found, end := at.Epoch == m.headID().Epoch, m.next
	for _, e := range slices.Backward(m.events) {
		if e.ID.Epoch == at.Epoch {
			found = true
			break
		}
		if e.ID.Epoch > at.Epoch {
			end = e.ID.Seq
		}
	}
	return found && at.Seq < end
}

func (m *modelLog) answer() (done bool) {
	m.reading = false
	if m.fresh {
		return m.room.loaded(m.newest, m.head)
	}
	return m.room.filled(m.page)
}
