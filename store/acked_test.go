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
