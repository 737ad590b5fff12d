package sse

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"causette/chat"

	"pgregory.net/rapid"
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

func TestTail_KnowsAPositionByItsEventOrItsSuccessor(t *testing.T) {
	tl := newTail(300)
	fill(tl, 0, 100, "abc.d") // keeps c . d
	id := func(seq int64) chat.EventID { return chat.EventID{Epoch: 1000, Seq: seq} }
	tests := map[string]struct {
		id   chat.EventID
		want string // what follows it; "?" is not known
	}{
		"its own newest":         {id(3), ""},
		"one in the tail":        {id(2), "d"},
		"just before the oldest": {id(1), "cd"},
		"older":                  {id(0), "?"},
		"in the future":          {id(4), "?"},
		"of another epoch":       {chat.EventID{Epoch: 999, Seq: 2}, "?"},
		"the beginning":          {chat.EventID{}, "?"},
	}
	for name, tt := range tests {
		pos, ok := tl.after(tt.id)
		got := "?"
		if ok {
			got = squeeze(all(t, tl, cursor{pos: pos, liveFrom: tl.end.Load()}), 100)
		}
		if got != tt.want {
			t.Errorf("%s: %q follows, want %q", name, got, tt.want)
		}
	}
}

// squeeze keeps one byte of each size.
func squeeze(s string, size int) string {
	var b strings.Builder
	for i := 0; i < len(s); i += size {
		b.WriteByte(s[i])
	}
	return b.String()
}

func TestTail_ANewEpochFollowsTheOldOne(t *testing.T) {
	tl := newTail(1 << 20)
	fill(tl, 56, 1, "ab") // 1000-56, 1000-57
	tl.append([]byte("c"), chat.EventID{Epoch: 2000, Seq: 0}, 0)
	for id, want := range map[chat.EventID]string{
		{Epoch: 1000, Seq: 56}: "bc",
		{Epoch: 1000, Seq: 57}: "c",
		{}:                     "c", // before the first event of the log there is now
		{Epoch: 2000, Seq: 0}:  "",
	} {
		pos, ok := tl.after(id)
		if !ok || all(t, tl, cursor{pos: pos, liveFrom: pos}) != want {
			t.Errorf("after %s: %d, %v", id, pos, ok)
		}
	}
}

func TestTail_KnowsItsNewestEvenIfOnlyLiveFramesAreLeft(t *testing.T) {
	tl := newTail(100)
	fill(tl, 7, 50, "a....")
	newest := chat.EventID{Epoch: 1000, Seq: 7}
	if got, known := tl.newest(); got != newest || !known {
		t.Errorf("newest is %s", got)
	}
	if pos, ok := tl.after(newest); !ok || pos != tl.end.Load() {
		t.Errorf("after it: %d, %v", pos, ok)
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

func TestTail_PostedIsTheOldestMessageThatBeginsInTheRun(t *testing.T) {
	tl := newTail(1 << 20)
	tl.append([]byte("aaaa"), chat.EventID{Epoch: 1, Seq: 0}, 10)
	tl.append([]byte("...."), chat.EventID{}, 0)
	tl.append([]byte("bbbb"), chat.EventID{Epoch: 1, Seq: 1}, 20)
	for _, tt := range []struct{ from, to, want int64 }{
		{0, 12, 10}, {1, 12, 20}, {4, 12, 20}, {4, 8, 0}, {9, 12, 0}, {12, 12, 0}, {0, 4, 10},
	} {
		if got := tl.posted(tt.from, tt.to); got != tt.want {
			t.Errorf("[%d, %d): %d, want %d", tt.from, tt.to, got, tt.want)
		}
	}
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

// modelReader is a reader of the tail, and beside it what a naive one would get.
type modelReader struct {
	cursor
	got, want []byte
	behind    bool
}

// TestTail_IsANaiveLogToEveryReader drives a tail with appends, readers that
// attach anywhere, and short writes, and holds it against a list of frames.
func TestTail_IsANaiveLogToEveryReader(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.IntRange(100, 5000).Draw(rt, "limit")
		tl := newTail(limit)
		tl.startAt(chat.EventID{})
		type frame struct {
			mark
			bytes []byte
		}
		var frames []frame
		var readers []*modelReader
		var end, seq int64
		oldest := func() int { // the model's own trimming
			i, size := len(frames), 0
			for i > 0 && len(frames)-i < maxFrames {
				if size += len(frames[i-1].bytes); size > limit && i < len(frames) {
					break
				}
				i--
			}
			return i
		}
		attach := func(pos int64, first int) {
			r := &modelReader{cursor: cursor{pos: pos, liveFrom: end}}
			for _, f := range frames[first:] {
				if !f.live() {
					r.want = append(r.want, f.bytes...)
				}
			}
			readers = append(readers, r)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(rt *rapid.T) {
				for range rapid.IntRange(1, 5).Draw(rt, "how many") {
					size := rapid.OneOf(rapid.IntRange(1, 60), rapid.IntRange(1, 3000)).Draw(rt, "size")
					f := frame{mark{off: end}, bytes.Repeat([]byte{byte('a' + len(frames)%26)}, size)}
					if rapid.Bool().Draw(rt, "durable") {
						f.id = chat.EventID{Epoch: 9, Seq: seq}
						seq++
					}
					frames, end = append(frames, f), end+int64(size)
					tl.append(f.bytes, f.id, 0)
					for _, r := range readers {
						r.want = append(r.want, f.bytes...)
					}
				}
			},
			"attach": func(rt *rapid.T) {
				id := chat.EventID{}
				if n := rapid.Int64Range(-1, seq-1).Draw(rt, "after"); n >= 0 {
					id = chat.EventID{Epoch: 9, Seq: n}
				}
				first := len(frames) // the first frame after id
				for i, f := range frames {
					if !f.live() && (id.IsZero() || f.id.Compare(id) > 0) {
						first = i
						break
					}
				}
				newest := chat.EventID{}
				if seq > 0 {
					newest = chat.EventID{Epoch: 9, Seq: seq - 1}
				}
				pos, ok := tl.after(id)
				known := id == newest || first >= oldest() && first < len(frames)
				for _, f := range frames[oldest():] {
					known = known || !f.live() && f.id == id
				}
				if ok != known {
					rt.Fatalf("after(%s) is %v, want %v", id, ok, known)
				}
				if ok {
					attach(pos, first)
				}
			},
			"write": func(rt *rapid.T) {
				if len(readers) == 0 {
					rt.Skip("no reader")
				}
				r := rapid.SampledFrom(readers).Draw(rt, "reader")
				chunk, next, err := tl.run(r.cursor)
				if i := oldest(); i < len(frames) && r.pos < frames[i].off && r.pos < end {
					if !errors.Is(err, errBehind) {
						rt.Fatalf("at %+v, oldest %d: %v", r.cursor, frames[i].off, err)
					}
					r.behind = true
				}
				if err != nil {
					if !r.behind {
						rt.Fatalf("at %+v: %v", r.cursor, err)
					}
					return
				}
				n := rapid.IntRange(0, len(chunk)).Draw(rt, "written")
				r.got = append(r.got, chunk[:n]...)
				r.pos = next - int64(len(chunk)-n)
				if len(chunk) == 0 {
					r.pos = next
				}
			},
			"": func(rt *rapid.T) {
				for _, r := range readers {
					if !bytes.HasPrefix(r.want, r.got) {
						rt.Fatalf("got %q\nwant %q", r.got, r.want)
					}
				}
			},
		})
		for _, r := range readers {
			for !r.behind {
				chunk, next, err := tl.run(r.cursor)
				if err != nil {
					r.behind = true
					break
				}
				r.got = append(r.got, chunk...)
				if next == r.pos {
					break
				}
				r.pos = next
			}
			if !r.behind && !bytes.Equal(r.got, r.want) {
				rt.Fatalf("in the end %q\nwant %q", r.got, r.want)
			}
		}
	})
}

func BenchmarkTail_Append(b *testing.B) {
	tl := newTail(1 << 20)
	frame := AppendFrame(nil, message(1, 120))
	seq := int64(0)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		tl.append(frame, chat.EventID{Epoch: 1, Seq: seq}, 1)
		seq++
	}
}

func BenchmarkTail_Attach(b *testing.B) {
	tl := newTail(1 << 20)
	frame := AppendFrame(nil, message(1, 120))
	for i := range int64(maxFrames) {
		tl.append(frame, chat.EventID{Epoch: 1, Seq: i}, 1)
	}
	for _, back := range []int64{0, 50, maxFrames - 1} {
		b.Run(fmt.Sprint(back), func(b *testing.B) {
			newest, _ := tl.newest()
			id := newest.Back(back)
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := tl.after(id); !ok {
					b.Fatal("not found")
				}
			}
		})
	}
}

// BenchmarkTail_Pass is one append and one pass over all readers, without sockets:
// what the tail itself costs a delivery.
func BenchmarkTail_Pass(b *testing.B) {
	for _, n := range []int{1, 100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			tl := newTail(1 << 20)
			frame := AppendFrame(nil, message(1, 120))
			readers := make([]cursor, n)
			sent := 0
			b.ReportAllocs()
			for b.Loop() {
				tl.append(frame, chat.EventID{Epoch: 1, Seq: 1}, 1)
				for i := range readers {
					chunk, next, err := tl.run(readers[i])
					if err != nil {
						b.Fatal(err)
					}
					sent += len(chunk)
					readers[i].pos = next
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/delivery")
		})
	}
}
