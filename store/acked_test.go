package store

import (
	"fmt"
	"testing"
	"time"

	"causette/chat"
)

func TestAcked_IsBoundedAndForgetsWhatIsOld(t *testing.T) {
	a, now := newAcked(), time.Now()
	for i := range maxAcked + 5 {
		a.note(chat.RoomID(fmt.Sprint("r", i)), chat.EventID{Epoch: 1}, now)
	}
	if got := len(a.recent(now)); got != maxAcked {
		t.Errorf("it has %d", got)
	}
	a.note("late", chat.EventID{Epoch: 1}, now.Add(2*ackedFor))
	if got := a.recent(now.Add(2 * ackedFor)); len(got) != 1 {
		t.Errorf("later it has %d", len(got))
	}
}

func TestAcked_NoticesWhatContradictsIt(t *testing.T) {
	at := func(epoch, seq int64) chat.EventID { return chat.EventID{Epoch: epoch, Seq: seq} }
	for _, c := range []struct{ before, next, lost chat.EventID }{
		{at(1, 5), at(1, 6), at(0, 0)},
		{at(1, 5), at(1, 4), at(0, 0)}, // their answers crossed
		{at(1, 5), at(2, 6), at(0, 0)},
		{at(1, 5), at(2, 9), at(0, 0)},
		{at(1, 5), at(2, 5), at(1, 5)},
		{at(1, 5), at(2, 0), at(1, 5)},
		{at(2, 5), at(1, 6), at(0, 0)},
	} {
		a := newAcked()
		a.note(lobby, c.before, time.Now())
		if lost := a.note(lobby, c.next, time.Now()); lost != c.lost {
			t.Errorf("%s, then %s: lost %s", c.before, c.next, lost)
		}
	}
}

// Two steps of a room may be under way when its log has gone back, and the later one be
// answered first.
func TestAcked_NoticesItInAnAnswerThatWasOvertaken(t *testing.T) {
	at := func(epoch, seq int64) chat.EventID { return chat.EventID{Epoch: epoch, Seq: seq} }
	a := newAcked()
	for _, step := range []struct{ next, lost chat.EventID }{
		{at(1, 10), at(0, 0)},
		{at(2, 12), at(0, 0)},
		{at(2, 13), at(0, 0)},
		{at(2, 11), at(0, 0)},
		{at(2, 10), at(1, 10)},
	} {
		if lost := a.note(lobby, step.next, time.Now()); lost != step.lost {
			t.Errorf("%s: lost %s", step.next, lost)
		}
	}
	a.torn(lobby, at(2, 10), 3, time.Now())
	if got := a.recent(time.Now())[lobby].id; got != at(3, 13) {
		t.Errorf("the log goes on after %s", got)
	}
	if lost := a.note(lobby, at(2, 9), time.Now()); !lost.IsZero() {
		t.Errorf("what was torn already: lost %s", lost)
	}
}
