package store

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"causette/chat"
)

// BenchmarkAppend measures posts a second on a real Redis, to 64 rooms, by as many writers at
// once, over the connection pool and over the full-duplex pipeline.
func BenchmarkAppend(b *testing.B) {
	server := startRedis(b)
	for _, way := range []string{"pool", "pipeline"} {
		for _, writers := range []int{1, 32, 256} {
			b.Run(fmt.Sprintf("%s/%d", way, writers), func(b *testing.B) {
				s := idle(b, server.addr, Options{HistorySize: 10_000, HistoryTTL: time.Hour})
				if err := s.client.FlushAll(b.Context()).Err(); err != nil {
					b.Fatal(err)
				}
				if way == "pool" {
					s.pipeline = s.client
				}
				benchmarkAppend(b, s, writers)
			})
		}
	}
}

func benchmarkAppend(b *testing.B, s *Store, writers int) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ResetTimer()
	for i := range writers {
		wg.Go(func() {
			p := post("a text of the usual length, more or less, that somebody might say")
			p.Who, p.Room = fmt.Sprint("p_", i), chat.RoomID(fmt.Sprint("room", i%64))
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

// TestAppend_NothingIsLostOrDoubledWhenRedisDiesUnderLoad kills a Redis that
// writes everything to disk, several times, while many post and repeat with the
// same nonce until they have an answer.
func TestAppend_NothingIsLostOrDoubledWhenRedisDiesUnderLoad(t *testing.T) {
	for _, way := range []string{"pool", "pipeline"} {
		t.Run(way, func(t *testing.T) {
			server := startRedis(t, "--appendonly", "yes", "--appendfsync", "always")
			s, _ := running(t, server.addr, quick())
			if way == "pool" {
				s.pipeline = s.client
			}
			r, _ := follow(t, s, 0)
			const writers, each = 16, 60
			accepted := make([][]chat.EventID, writers)
			var done atomic.Int64
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					for i := range each {
						p := post(fmt.Sprintf("%d/%d", w, i))
						p.Message.Author.ID, p.Nonce = fmt.Sprint("p_", w), chat.Nonce(fmt.Sprint("n", i))
						accepted[w] = append(accepted[w], repeatUntilAccepted(t, s, p))
						done.Add(1)
					}
				})
			}
			for _, at := range []int64{writers * each / 4, writers * each / 2} {
				eventually(t, "posts go on", func() bool { return done.Load() >= at })
				server.kill()
				server.start(t)
			}
			wg.Wait()
			checkAccepted(t, s, r, accepted)
		})
	}
}

// repeatUntilAccepted posts, and posts again with the same nonce.
func repeatUntilAccepted(t *testing.T, s *Store, p Post) chat.EventID {
	for deadline := time.Now().Add(soon); ; time.Sleep(5 * time.Millisecond) {
		receipt, err := s.Append(t.Context(), p)
		if err == nil {
			return receipt.Message.ID
		}
		if !errors.Is(err, chat.ErrUnavailable) || time.Now().After(deadline) {
			t.Error(err)
			return chat.EventID{}
		}
	}
}

// checkAccepted holds the log and what a sink got against the receipts.
func checkAccepted(t *testing.T, s *Store, r *recorder, accepted [][]chat.EventID) {
	t.Helper()
	all := map[chat.EventID]string{}
	n := 0
	for w, ids := range accepted {
		for i, id := range ids {
			all[id] = fmt.Sprintf("%d/%d", w, i)
			n++
		}
	}
	r.wait(t, "everything arrives", func() bool { return len(r.of(chat.KindMessage)) >= n })
	got := r.of(chat.KindMessage)
	contiguous(t, got)
	if len(got) != n || len(all) != n || len(r.of("replace")) > 0 {
		t.Errorf("%d accepted, %d ids, %d arrived, %d replaces", n, len(all), len(got), len(r.of("replace")))
	}
	for _, e := range got {
		if all[e.ID] != textOf(t, e) {
			t.Errorf("%s is %q, accepted as %q", e.ID, textOf(t, e), all[e.ID])
		}
	}
	if length := s.client.XLen(t.Context(), s.keys.log(lobby)).Val(); length != int64(n) {
		t.Errorf("the log has %d", length)
	}
}

func TestAppend_AFrozenRedisKeepsNobodyLongerThanACallMay(t *testing.T) {
	server := startRedis(t)
	o := quick()
	o.Timeout = 300 * time.Millisecond
	s := idle(t, server.addr, o)
	say(t, s, "before")
	server.freeze(t)
	began := time.Now()
	_, err := s.Append(t.Context(), post("salut"))
	if took := time.Since(began); !errors.Is(err, chat.ErrUnavailable) || took > 2*time.Second {
		t.Errorf("after %s: %v", took, err)
	}
	server.thaw(t)
	eventually(t, "posts pass again", func() bool {
		_, err := s.Append(t.Context(), post("salut"))
		return err == nil
	})
}
