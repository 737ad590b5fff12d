package store

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"causette/chat"
)

// modelTTL is longer than any test: a modelLog is lost, but does not expire.
const modelTTL = time.Hour

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
