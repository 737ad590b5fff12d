package sse

import (
	"bytes"
	"errors"
	"testing"

	"causette/chat"

	"pgregory.net/rapid"
)

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
