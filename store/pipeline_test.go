package store

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"causette/chat"
)

// BenchmarkAppend measures posts a second on a real Redis, by as many writers at
// once, over the connection pool and over the full-duplex pipeline.
func BenchmarkAppend(b *testing.B) {
	server := startRedis(b)
	for _, way := range []string{"pool", "pipeline"} {
		for _, writers := range []int{1, 32, 256} {
			b.Run(fmt.Sprintf("%s/%d", way, writers), func(b *testing.B) {
				s := idle(b, server.addr, Options{HistorySize: 10_000, HistoryTTL: time.Hour})
				if way == "pool" {
					s.posts = s.client
				}
				benchmarkAppend(b, s, writers)
			})
		}
	}
}

func benchmarkAppend(b *testing.B, s *Store, writers int) {
	b.Helper()
	if err := s.client.FlushAll(b.Context()).Err(); err != nil {
		b.Fatal(err)
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ResetTimer()
	for i := range writers {
		wg.Go(func() {
			p := post("a text of the usual length, more or less, that somebody might say")
			p.Room = chat.RoomID(fmt.Sprint("room", i%8))
			for left.Add(-1) >= 0 {
				if _, err := s.Append(b.Context(), p); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "posts/s")
}
