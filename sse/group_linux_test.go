package sse

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestLoop_ASmallRoomWaitsForASliceOfALargeOne(t *testing.T) {
	for name, size := range map[string]int{"small frames": 10, "large frames": 20_000} {
		t.Run(name, func(t *testing.T) {
			h := newHand(t, Options{})
			var large, small []*reader
			for range 10 * slice {
				r, client := h.join(t, h.entry, false)
				defer unix.Close(client)
				large = append(large, r)
			}
			two, room := h.open("two")
			for range 2 {
				r, client := h.join(t, two, false)
				defer unix.Close(client)
				small = append(small, r)
			}
			h.settle()
			written := func(readers []*reader, t *tail) (n int) {
				for _, r := range readers {
					if r.pos == t.end.Load() {
						n++
					}
				}
				return n
			}
			h.room.Receive(message(0, size))
			room.Receive(message(0, size))
			for turns := 0; written(small, room.tail) < 2; turns++ {
				if turns > 10 {
					t.Fatal("it never gets its turn")
				}
				h.advance()
			}
			if n := written(large, h.room.tail); n > slice || n*size > slice*dear {
				t.Errorf("it waited for %d readers of %d", n, len(large))
			}
			h.room.Receive(message(1, size)) // nor does a large room that goes on and on come first
			room.Receive(message(1, size))
			before := written(large, h.room.tail)
			h.advance()
			h.advance()
			if written(small, room.tail) < 2 || written(large, h.room.tail)-before > slice {
				t.Errorf("the second time it waited for %d", written(large, h.room.tail)-before)
			}
			h.settle()
			if n := written(large, h.room.tail); n != len(large) {
				t.Errorf("only %d of %d got it all", n, len(large))
			}
		})
	}
}

func TestLoop_ATailThatClosesHalfWayThroughAPassEndsEverybody(t *testing.T) {
	h := newHand(t, Options{})
	for range 2*slice + 1 {
		_, client := h.join(t, h.entry, false)
		defer unix.Close(client)
	}
	h.settle()
	h.room.Receive(message(0, 10))
	h.advance() // the first slice has been written to
	h.room.Replace()
	h.settle()
	if n := len(h.groups); n != 0 {
		t.Errorf("%d groups left", n)
	}
	for _, r := range h.table {
		if r != nil {
			t.Fatal("a reader is left")
		}
	}
}

func TestQueue_IsInOrderAndEmptiesItself(t *testing.T) {
	var q queue
	var got []bool
	a, b := new(group), new(group)
	for range 3 {
		q.push(a)
		q.push(b)
		for g := q.pop(); g != nil; g = q.pop() {
			got = append(got, g == a)
		}
	}
	if !slices.Equal(got, []bool{true, false, true, false, true, false}) || q.first != nil || q.last != nil || a.behind != nil {
		t.Errorf("got %v", got)
	}
}

func TestGroup_ARoomThatRestsGetsInOneWriteWhatGatheredMeanwhile(t *testing.T) {
	h := newHand(t, Options{})
	r, client := h.join(t, h.entry, false)
	defer unix.Close(client)
	h.settle()
	h.room.Receive(message(0, 10))
	h.settle()
	if got, _ := drink(t, client, 1000); len(got) == 0 {
		t.Fatal("a message after a silence waited")
	}
	r.group.rests = time.Now().Add(time.Hour)
	for i := range int64(3) {
		h.room.Receive(message(i+1, 10))
		h.settle()
	}
	if got, _ := drink(t, client, 1000); len(got) > 0 || len(h.resting) != 1 {
		t.Fatalf("while it rests, %d rooms do and it gets %q", len(h.resting), got)
	}
	r.group.rests = time.Now()
	h.resume()
	h.settle()
	var want []byte
	for i := range int64(3) {
		want = AppendFrame(want, message(i+1, 10))
	}
	if got, _ := drink(t, client, 1000); !bytes.Equal(got, want) {
		t.Errorf("then it gets %q", got)
	}
}

func TestGroup_OnlyAPassThatTookLongAndCameSoonIsRestedAfter(t *testing.T) {
	h := newHand(t, Options{})
	r, client := h.join(t, h.entry, false)
	defer unix.Close(client)
	h.settle()
	for _, c := range []struct {
		longPass time.Duration
		before   time.Time // when the last pass began
		rests    bool
	}{{time.Hour, time.Now(), false}, {0, time.Now().Add(-time.Minute), false}, {0, time.Now().Add(time.Hour), true}} {
		h.longPass, r.group.began, r.group.rests = c.longPass, c.before, time.Time{}
		h.room.Receive(message(0, 10))
		h.settle()
		if got := !r.group.rests.IsZero(); got != c.rests {
			t.Errorf("%+v: rests %t", c, got)
		}
		if r.group.rests.After(time.Now().Add(longestRest)) {
			t.Errorf("it rests until %v", r.group.rests)
		}
	}
}
