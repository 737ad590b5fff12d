package sse

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"causette/chat"
)

// newShare is a share of its own.
func newShare(limit int64) *share {
	s := &newBudget(0, NewMetrics(nil)).tails
	s.limit = limit
	return s
}

func TestTails_TheLeastUsedLetGoFirstAndAllStayWithinTheirShare(t *testing.T) {
	const limit = 1 << 20
	k := newTails(newShare(limit))
	var open []*tail
	for range 40 {
		tl := newTail(1 << 20)
		k.add(tl)
		open = append(open, tl)
	}
	frame := bytes.Repeat([]byte("x"), 1000)
	for i := range int64(50) { // some 2 MB together, the first ones first
		for _, tl := range open {
			tl.append(frame, chat.EventID{Epoch: 1, Seq: i}, 0)
			if used := k.share.used.Load(); used > limit {
				t.Fatalf("they hold %d bytes", used)
			}
		}
	}
	held := int64(0)
	for n, tl := range open {
		held += tl.held
		if kept := tl.end.Load() - tl.start.Load(); kept < 1000 || n == len(open)-1 && kept < tailFloor {
			t.Errorf("tail %d keeps %d bytes", n, kept)
		}
	}
	if used := k.share.used.Load(); used != held {
		t.Errorf("%d bytes are counted, they hold %d", used, held)
	}
	busy := newTail(1 << 20)
	k.add(busy)
	for i := range int64(200) { // one that is busy takes from those that are not
		busy.append(frame, chat.EventID{Epoch: 1, Seq: i}, 0)
	}
	if kept := busy.end.Load() - busy.start.Load(); kept != 200_000 {
		t.Errorf("the busy one keeps %d bytes", kept)
	}
	for _, tl := range append(open, busy) {
		tl.pages = newLibrary(t.Context(), nil, newShare(0)).shelf("", 0)
		tl.forget()
		tl.append(frame, chat.EventID{Epoch: 1, Seq: 200}, 0) // by a feed that is not done yet
	}
	if used := k.share.used.Load(); used != 0 || len(k.open) != 0 {
		t.Errorf("%d bytes of %d tails stay counted", used, len(k.open))
	}
}

// One that is used, be it alone or beside others, is never cut to nothing under its
// readers.
func TestTails_ThoseInUseKeepHalfOfWhatTheyHad(t *testing.T) {
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			const limit = 1 << 20
			k := newTails(newShare(limit))
			var busy []*tail
			for range n {
				tl := newTail(64 << 20)
				k.add(tl)
				busy = append(busy, tl)
			}
			frame := bytes.Repeat([]byte("x"), 1000)
			for i := range int64(4000) {
				for _, tl := range busy {
					before := tl.end.Load() - tl.start.Load()
					tl.append(frame, chat.EventID{Epoch: 1, Seq: i}, 0)
					if kept := tl.end.Load() - tl.start.Load(); kept < before/2 {
						t.Fatalf("of %d bytes %d are kept", before, kept)
					}
				}
				if used := k.share.used.Load(); used > limit {
					t.Fatalf("they hold %d bytes", used)
				}
			}
			for _, tl := range busy {
				if kept := tl.end.Load() - tl.start.Load(); kept < limit/int64(n)/4 {
					t.Errorf("one keeps %d bytes", kept)
				}
			}
		})
	}
}

func TestTails_OneHasAPartOfTheirShareAtMost(t *testing.T) {
	var said bytes.Buffer
	h := NewHub(Options{TailSize: 64 << 20, Memory: 64 << 20, Log: slog.New(slog.NewTextHandler(&said, nil))}, newFakeLog(), benchPresence{})
	defer h.Close()
	const part = 32 << 20 / tailsPart
	tl := h.newRoom("lobby").tail
	frame := bytes.Repeat([]byte("x"), 40<<10)
	for i := range int64(2000) {
		tl.append(frame, chat.EventID{Epoch: 1, Seq: i}, 0)
		if kept := tl.end.Load() - tl.start.Load(); kept > part || kept < min((i+1)*int64(len(frame)), part-int64(len(frame))) {
			t.Fatalf("after %d frames it keeps %d bytes", i+1, kept)
		}
	}
	if n := strings.Count(said.String(), "TAIL_SIZE"); n != 1 {
		t.Errorf("the log says %q", said.String())
	}
}

// What a tail let go of is behind; what it kept is as it was, and it grows on.
func TestTails_OneThatShrankIsTheSameFromWhereItBegins(t *testing.T) {
	k := newTails(newShare(1 << 30))
	for _, size := range []int{1, 100, 1000, 5000, 70_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			tl := newTail(10 << 20)
			k.add(tl)
			var said []byte
			at := int64(0)
			more := func(n int) {
				for range n {
					frame := bytes.Repeat([]byte{byte('a' + at%26)}, size)
					tl.append(frame, chat.EventID{Epoch: 1, Seq: at}, 0)
					said = append(said, frame...)
					at++
				}
			}
			more(100)
			for _, floor := range []int64{3 * maxSegment, tailFloor, tailFloor, 3 * maxSegment, tailFloor} {
				tl.held = 10 * floor // whatever it holds
				tl.shrink(floor)
				start, end := tl.start.Load(), tl.end.Load()
				if kept := end - start; kept > max(floor, int64(size)) {
					t.Errorf("it keeps %d bytes", kept)
				}
				if got := all(t, tl, cursor{pos: start}); got != string(said[start:]) {
					t.Errorf("it has %d bytes from %d on, other than those said", len(got), start)
				}
				if _, _, err := tl.run(cursor{pos: start - 1}); start > 0 && !errors.Is(err, errBehind) {
					t.Errorf("before its start: %v", err)
				}
				last := chat.EventID{Epoch: 1, Seq: at - 1}
				if pos, ok := tl.after(last); !ok || pos != end {
					t.Errorf("behind its newest: %d, %t", pos, ok)
				}
				more(30)
				if got := all(t, tl, cursor{pos: end}); got != string(said[end:]) {
					t.Error("what came after is not what was said")
				}
			}
		})
	}
}
