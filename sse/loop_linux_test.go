package sse

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

func TestLoop_APassGivesEveryReaderWhatTheRoomSaid(t *testing.T) {
	h := newHand(t, Options{})
	var clients []int
	for range 3*slice + 5 {
		_, client := h.join(t, h.entry, false)
		defer unix.Close(client)
		clients = append(clients, client)
	}
	h.settle()
	h.room.Receive(message(0, 10))
	h.room.Receive(message(1, 10))
	h.settle()
	want := AppendFrame(AppendFrame(nil, message(0, 10)), message(1, 10))
	for _, c := range clients {
		if got, over := drink(t, c, 1<<20); over || !bytes.Equal(got, want) {
			t.Fatalf("got %q, %v", got, over)
		}
	}
}

func TestLoop_AReaderThatComesAfterAnAppendGetsIt(t *testing.T) {
	h := newHand(t, Options{})
	_, client := h.join(t, h.entry, false)
	defer unix.Close(client)
	h.room.Receive(message(0, 10)) // it is not in any group yet
	h.settle()
	if got, _ := drink(t, client, 1000); !bytes.Equal(got, AppendFrame(nil, message(0, 10))) {
		t.Errorf("got %q", got)
	}
}

func TestLoop_AnEventOfAnEarlierSocketWithTheSameNumberIsNotHeard(t *testing.T) {
	h := newHand(t, Options{})
	r, client := h.join(t, h.entry, false)
	h.settle()
	_ = unix.Close(client)
	events := make([]unix.EpollEvent, 8)
	n, err := h.poll(events)
	if n != 1 || err != nil {
		t.Fatalf("%d events, %v", n, err)
	}
	h.end(r, hangup) // for another reason
	again, client := h.join(t, h.entry, false)
	defer unix.Close(client)
	if again.fd != r.fd {
		// The client's end took the number: give it back and try once more.
		t.Skipf("descriptor %d was not used again, but %d", r.fd, again.fd)
	}
	h.adopt()
	h.handle(events[:n])
	if again.gone {
		t.Error("the new one was ended by the old one's event")
	}
}

func TestLoop_AFullSocketThatFellOffTheTailIsEnded(t *testing.T) {
	h := newHand(t, Options{TailSize: 16 << 10})
	r, client := h.join(t, h.entry, true)
	defer unix.Close(client)
	h.settle()
	for i := range 40 {
		h.room.Receive(message(int64(i), 1000))
		h.settle()
		if i == 10 && !r.blocked {
			t.Fatal("it is not full")
		}
	}
	if !r.gone {
		t.Error("goes on")
	}
}

// While a loop is at work its processor does nothing else: what came from the
// network for others would wait for it.
func TestLoop_TakesABreathInALongTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, begun := new(loop), time.Now()
		for range 3 {
			l.breathe(time.Now())
		}
		time.Sleep(longTurn)
		l.breathe(time.Now())
		if took := time.Since(begun); took != longTurn {
			t.Errorf("it took a breath in a short turn, or %s", took)
		}
		time.Sleep(time.Nanosecond)
		l.breathe(time.Now())
		l.breathe(time.Now())
		if took := time.Since(begun); took != longTurn+1+breath {
			t.Errorf("it took %s", took)
		}
	})
}
