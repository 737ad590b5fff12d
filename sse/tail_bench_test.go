package sse

import (
	"fmt"
	"testing"

	"causette/chat"
)

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
