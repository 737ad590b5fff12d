package store

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

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

// modelTTL is longer than any test: a modelLog is lost, but does not expire.
const modelTTL = time.Hour

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

func TestFeedRoom_IsContiguousWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModelLog(rapid.IntRange(0, 20).Draw(t, "load"))
		for range rapid.IntRange(0, 30).Draw(t, "before") {
			m.publish(false)
		}
		m.room.begin()
		pageSize := rapid.IntRange(1, 8).Draw(t, "page")
		if rapid.Bool().Draw(t, "open first") {
			settleModel(t, m, pageSize)
		}
		t.Repeat(map[string]func(*rapid.T){
			"say":      func(*rapid.T) { m.publish(true) },
			"say more": func(*rapid.T) { m.publish(true); m.publish(true); m.publish(true) },
			"unheard":  func(*rapid.T) { m.publish(false) },
			"old": func(t *rapid.T) {
				if len(m.events) > 0 {
					m.room.announce(rapid.SampledFrom(m.events).Draw(t, "again"))
				}
			},
			"live only": func(*rapid.T) { m.room.announce(chat.Event{Kind: chat.KindTyping}) },
			"burst": func(*rapid.T) {
				for range maxPending + 5 {
					m.publish(true)
				}
			},
			"flush":   func(*rapid.T) { m.flush() },
			"tear":    func(t *rapid.T) { m.tear(rapid.Bool().Draw(t, "announced")) },
			"go back": func(t *rapid.T) { m.goBack(rapid.IntRange(0, 5).Draw(t, "lose")) },
			"trim":    func(t *rapid.T) { m.trim(rapid.IntRange(0, 5).Draw(t, "keep")) },
			"reconnect": func(*rapid.T) {
				if m.room.lost(errors.New("gone")) { // a reading goes on, and is answered late
					m.publish(true) // into the void
					m.room.begin()
				}
			},
			"elsewhere": func(*rapid.T) {
				m.room.suspend()
				m.publish(true) // into the void
				m.room.begin()
			},
			"ask": func(*rapid.T) {
				if !m.reading {
					m.ask(pageSize)
				}
			},
			"answer": func(*rapid.T) {
				if m.reading {
					m.answer()
				}
			},
			"": func(t *rapid.T) { checkOrder(t, m) },
		})
		if closed(m.room) {
			return // the connection was lost before the room was open: Follow said so
		}
		settleModel(t, m, pageSize)
		m.publish(true) // shows a hole that nobody noticed yet
		settleModel(t, m, pageSize)
		checkOrder(t, m)
		if at := m.room.position(); at != m.headID() {
			t.Fatalf("the sink is at %s, the log at %s", at, m.headID())
		}
		if len(m.sink.of("replace")) > m.disturbs {
			t.Fatalf("replaced %d times, after %d disturbances", len(m.sink.of("replace")), m.disturbs)
		}
	})
}

func closed(r *feedRoom) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// settleModel reads until the room is live. It must come to an end.
func settleModel(t *rapid.T, m *modelLog, pageSize int) {
	for range 10_000 {
		if m.reading {
			m.answer()
		}
		if m.ask(pageSize); !m.reading {
			return
		}
	}
	t.Fatal("the room never gets live")
}

// checkOrder fails unless what the sink got has no hole and no double.
func checkOrder(t *rapid.T, m *modelLog) {
	last, known := chat.EventID{}, false
	for _, e := range m.sink.all() {
		switch {
		case e.Kind == "replace":
			known = false
			continue
		case !e.Durable():
			continue
		case string(e.Data) != e.ID.String():
			t.Fatalf("%s says %s", e.ID, e.Data)
		case known && last != m.before[e.ID]:
			t.Fatalf("%s is followed by %s, which came after %s", last, e.ID, m.before[e.ID])
		}
		last, known = e.ID, true
	}
}

func TestFeedRoom_DropsAnAnnouncementThatTheLogDoesNotKnow(t *testing.T) {
	m := newModelLog(10)
	m.publish(false)
	m.room.begin()
	m.ask(10)
	m.answer()
	m.room.announce(chat.Event{ID: chat.EventID{Epoch: m.epoch, Seq: 99}, Kind: chat.KindMessage})
	m.ask(10)
	if !m.reading {
		t.Fatal("the hole went unnoticed")
	}
	if !m.answer() {
		t.Fatal("the room waits for an event that does not exist")
	}
	m.publish(true)
	if at := m.room.position(); at != m.headID() {
		t.Errorf("the sink is at %s, the log at %s", at, m.headID())
	}
}

func TestFeedRoom_DropsWhatIsOfALogThatIsNoMore(t *testing.T) {
	m := newModelLog(10)
	m.room.begin()
	m.publish(true) // gathers
	m.flush()
	m.ask(10)
	if !m.answer() || len(m.sink.all()) > 0 {
		t.Errorf("got%s", summary(m.sink.all()))
	}
	m.publish(true)
	if at := m.room.position(); at != m.headID() {
		t.Errorf("the sink is at %s, the log at %s", at, m.headID())
	}
}

func TestFeedRoom_BelievesANewLogUnaskedOnlyIfTheOldOneHadExpired(t *testing.T) {
	for since, hole := range map[time.Duration]bool{0: true, modelTTL - 1: true, modelTTL: false} {
		synctest.Test(t, func(t *testing.T) {
			m := newModelLog(10)
			m.room.begin()
			settle(t, m)
			m.publish(true)
			time.Sleep(since)
			m.flush()
			m.publish(true)
			if got := m.room.position() != m.headID(); got != hole {
				t.Errorf("after %s: a hole %t, want %t", since, got, hole)
			}
			settle(t, m)
			if got := len(m.sink.of("replace")) == 1; got != hole || m.room.position() != m.headID() {
				t.Errorf("after %s: replaced %t, want %t; at %s of %s", since, got, hole, m.room.position(), m.headID())
			}
		})
	}
}

func TestFeedRoom_ReadsWhatItCouldNotGather(t *testing.T) {
	for _, burst := range []int{maxPending, maxPending + 1, maxPending + 2} {
		m := newModelLog(10)
		m.room.begin()
		m.ask(10)
		for range burst {
			m.publish(true)
		}
		for done := m.answer(); !done; done = m.answer() {
			m.ask(MaxPage)
		}
		if at := m.room.position(); at != m.headID() {
			t.Errorf("after %d: the sink is at %s, the log at %s", burst, at, m.headID())
		}
	}
}

func TestFeedRoom_SaysOnceThatItDroppedWhatNoLogKeeps(t *testing.T) {
	m := newModelLog(10)
	m.room.begin()
	m.ask(10)
	for range maxPending {
		m.publish(true)
	}
	if m.room.recall() {
		t.Error("before anything was dropped")
	}
	m.room.announce(chat.Event{Kind: chat.KindPresence})
	if !m.room.recall() || m.room.recall() {
		t.Error("not, or not once, when it was")
	}
}

func TestFeedRoom_TellsNobodyAfterClose(t *testing.T) {
	m := newModelLog(10)
	m.room.begin()
	m.ask(10)
	m.answer()
	m.room.close()
	m.publish(true)
	m.room.down()
	if got := m.sink.all(); len(got) > 0 {
		t.Errorf("got%s", summary(got))
	}
}

func TestFeedRoom_SaysUpOnceAfterDownAndCaughtUp(t *testing.T) {
	m := newModelLog(10)
	m.room.begin()
	settle(t, m)
	m.room.down() // too late: it is subscribed
	m.room.lost(errors.New("gone"))
	m.room.down()
	m.room.down()
	m.publish(true) // into the void
	m.room.begin()
	settle(t, m)
	m.room.suspend()
	m.room.begin()
	settle(t, m)
	if got := kinds(m.sink.all()); !slices.Equal(got, []chat.Kind{chat.KindStatus, chat.KindMessage, chat.KindStatus}) {
		t.Errorf("got%s", summary(m.sink.all()))
	}
	if got := m.sink.data(chat.KindStatus); !slices.Equal(got, []string{string(statusDown.Data), string(statusUp.Data)}) {
		t.Errorf("got %q", got)
	}
}

func kinds(events []chat.Event) (list []chat.Kind) {
	for _, e := range events {
		list = append(list, e.Kind)
	}
	return list
}

// Whoever reads the log for one subscription may have asked before the next one held.
func TestFeedRoom_ReadsOnceMoreWhereTheSubscriptionIsAnotherOne(t *testing.T) {
	m := newModelLog(10)
	if !m.room.begin() {
		t.Fatal("nobody is to read")
	}
	m.ask(10)
	m.room.suspend()
	m.publish(true) // into the void
	if m.room.begin() {
		t.Error("two are to read")
	}
	if m.answer() {
		t.Error("the answer of before is believed")
	}
	settle(t, m)
	if at := m.room.position(); at != m.headID() {
		t.Errorf("the sink is at %s, the log at %s", at, m.headID())
	}
	m.room.suspend()
	if !m.room.begin() {
		t.Error("nobody is to read again")
	}
}
