package sse

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"causette/chat"
)

// message is a durable event with a text of n bytes.
func message(seq int64, n int) chat.Event {
	return chat.Event{
		ID: chat.EventID{Epoch: 1000, Seq: seq}, Kind: chat.KindMessage,
		Data: fmt.Appendf(nil, `{"at":"2026-11-22T21:34:30.123Z","author":{"id":"p_8f3k","nickname":"ana"},"text":%q}`, strings.Repeat("a", n)),
	}
}

// fill appends frames of size bytes, named by letters, seq from on; "." is live.
func fill(t *tail, from int64, size int, kinds string) {
	for i, k := range kinds {
		frame := bytes.Repeat([]byte(string(k)), size)
		id := chat.EventID{}
		if k != '.' {
			id = chat.EventID{Epoch: 1000, Seq: from + int64(i-strings.Count(kinds[:i], "."))}
		}
		t.append(frame, id, 0)
	}
}

// all reads on from c until the tail has no more.
func all(tb testing.TB, t *tail, c cursor) string {
	var b []byte
	for {
		chunk, next, err := t.run(c)
		if err != nil {
			tb.Fatalf("at %+v: %v", c, err)
		}
		b = append(b, chunk...)
		if next == c.pos {
			return string(b)
		}
		c.pos = next
	}
}

func TestTail_ALiveReaderGetsEveryByteInOneRun(t *testing.T) {
	tl := newTail(1 << 20)
	fill(tl, 0, 10, "ab.c.")
	chunk, next, err := tl.run(cursor{})
	if err != nil || string(chunk) != strings.Repeat("a", 10)+strings.Repeat("b", 10)+strings.Repeat(".", 10)+strings.Repeat("c", 10)+strings.Repeat(".", 10) {
		t.Errorf("got %q, %v", chunk, err)
	}
	if chunk, again, err := tl.run(cursor{pos: next}); len(chunk) != 0 || again != next || err != nil {
		t.Errorf("at its end: %q, %d, %v", chunk, again, err)
	}
}

func TestTail_ACatchingUpReaderGetsDurableFramesThenAll(t *testing.T) {
	tl := newTail(1 << 20)
	fill(tl, 0, 1, "a..b.c.")
	liveFrom := tl.end.Load()
	fill(tl, 3, 1, ".d.")
	if got := all(t, tl, cursor{pos: 0, liveFrom: liveFrom}); got != "abc.d." {
		t.Errorf("got %q", got)
	}
	if got := all(t, tl, cursor{pos: 1, liveFrom: liveFrom}); got != "bc.d." {
		t.Errorf("from the second: %q", got)
	}
}

func TestTail_APositionInsideAFrameGetsItsRest(t *testing.T) {
	tl := newTail(1 << 20)
	fill(tl, 0, 4, "ab.c")
	for pos, want := range map[int64]string{1: "aaabbbbcccc", 5: "bbbcccc", 9: "...cccc", 13: "ccc"} {
		if got := all(t, tl, cursor{pos: pos, liveFrom: 16}); got != want {
			t.Errorf("from %d: %q, want %q", pos, got, want)
		}
	}
}

func TestTail_FramesAreNeverSplitAcrossSegments(t *testing.T) {
	tl := newTail(1 << 20)
	for i, size := range []int{1000, 1000, 3000, 100_000, 5, 64 << 10} {
		fill(tl, int64(i), size, string(rune('a'+i)))
	}
	var sizes []int
	for c := (cursor{}); ; {
		chunk, next, err := tl.run(c)
		if err != nil {
			t.Fatal(err)
		}
		if next == c.pos {
			break
		}
		sizes, c.pos = append(sizes, len(chunk)), next
	}
	total := 0
	bounds := map[int]bool{1000: true, 2000: true, 5000: true, 105_000: true, 105_005: true, 105_005 + 64<<10: true}
	for _, n := range sizes {
		if total += n; !bounds[total] {
			t.Errorf("a run ends at %d, inside a frame (runs %v)", total, sizes)
		}
	}
}

func TestTail_AQuietRoomCostsLittle(t *testing.T) {
	tl := newTail(1 << 20)
	fill(tl, 0, 200, "abc")
	if got := held(tl); got > minSegment {
		t.Errorf("holds %d bytes", got)
	}
}

// held is how many bytes the tail's segments hold.
func held(t *tail) (n int) {
	for _, s := range *t.segments.Load() {
		n += len(s.buf)
	}
	return n
}

func TestTail_NeverHoldsMoreThanItsLimitAndTwoSegments(t *testing.T) {
	for _, limit := range []int{1 << 10, 100 << 10, 1 << 20} {
		tl := newTail(limit)
		for i := range int64(20_000) {
			tl.append(make([]byte, 100+i%900), chat.EventID{Epoch: 1, Seq: i}, 0)
			if got := held(tl); got > limit+2*tl.segmentCap {
				t.Fatalf("limit %d: holds %d bytes", limit, got)
			}
			if kept := tl.end.Load() - tl.start.Load(); kept > int64(limit) {
				t.Fatalf("limit %d: keeps %d bytes", limit, kept)
			}
		}
	}
}

func TestTail_KeepsAtMost2048Frames(t *testing.T) {
	tl := newTail(1 << 20)
	for i := range int64(5000) {
		tl.append([]byte("x"), chat.EventID{Epoch: 1, Seq: i}, 0)
	}
	if got := tl.end.Load() - tl.start.Load(); got != maxFrames {
		t.Errorf("keeps %d frames", got)
	}
	if _, id := tl.oldest(); id != (chat.EventID{Epoch: 1, Seq: 5000 - maxFrames - 1}) {
		t.Errorf("the oldest follows %s", id)
	}
}

func TestTail_KeepsOneFrameThatIsLargerThanItsLimit(t *testing.T) {
	tl := newTail(1 << 10)
	fill(tl, 0, 100, "a")
	fill(tl, 1, 100_000, "b")
	if got := all(t, tl, cursor{pos: 100}); len(got) != 100_000 {
		t.Errorf("got %d bytes", len(got))
	}
	if _, _, err := tl.run(cursor{}); !errors.Is(err, errBehind) {
		t.Errorf("before it: %v", err)
	}
	fill(tl, 2, 100, "c")
	if got := held(tl); got > 100_000+2<<10 {
		t.Errorf("holds %d bytes", got)
	}
}

func TestTail_APositionThatFellOffIsBehind(t *testing.T) {
	tl := newTail(1 << 10)
	fill(tl, 0, 100, "abcdefghijklmnop")
	start := tl.start.Load()
	for _, c := range []cursor{{pos: 0}, {pos: start - 1}, {pos: 0, liveFrom: 2000}, {pos: start - 1, liveFrom: start + 1}} {
		if _, _, err := tl.run(c); !errors.Is(err, errBehind) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, _, err := tl.run(cursor{pos: start}); err != nil {
		t.Errorf("the oldest kept: %v", err)
	}
}

func TestTail_AnAppendWakesAllWaiters(t *testing.T) {
	tl := newTail(1 << 20)
	moved := tl.moved()
	select {
	case <-moved:
		t.Fatal("woken by nothing")
	default:
	}
	fill(tl, 0, 1, "a")
	<-moved
	moved = tl.moved()
	tl.close()
	<-moved
}

func TestTail_ReadersOnManyGoroutinesSeeOnlyWholePublishedBytes(t *testing.T) {
	tl := newTail(64 << 10)
	const frames = 20_000
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for c := (cursor{}); c.pos < frames*16; {
				moved := tl.moved()
				chunk, next, err := tl.run(c)
				if errors.Is(err, errBehind) {
					c.pos = tl.end.Load() // it is a multiple of the frames' size
					continue
				}
				if len(chunk)%16 != 0 {
					t.Errorf("run of %d bytes at %d", len(chunk), c.pos)
				}
				for i := 0; i < len(chunk); i += 16 {
					if want := fmt.Sprintf("%015d\n", (c.pos+int64(i))/16); string(chunk[i:i+16]) != want {
						t.Errorf("at %d: %q", c.pos+int64(i), chunk[i:i+16])
						return
					}
				}
				if next == c.pos {
					<-moved
				}
				c.pos = next
			}
		})
	}
	for i := range int64(frames) {
		tl.append(fmt.Appendf(nil, "%015d\n", i), chat.EventID{Epoch: 1, Seq: i}, 0)
	}
	wg.Wait()
}
