package store

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"causette/chat"
)

// logged is a log that a test can read.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// embedIn runs an Embedded until the test ends, or stop is called.
func embedIn(t testing.TB, addr string) (e *Embedded, log *logged, stop func()) {
	t.Helper()
	log = &logged{}
	e = Embed(t.Context(), addr, slog.New(slog.NewTextHandler(log, nil)))
	ctx, cancel := context.WithCancel(context.Background()) //nolint:usetesting // stopped in Cleanup
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(soon):
			t.Error("Run does not end")
		}
	})
	t.Cleanup(stop)
	return e, log, stop
}

func TestEmbedded_TheFirstHoldsItAndTheSecondJoins(t *testing.T) {
	addr := freeAddr(t)
	first, log, _ := embedIn(t, addr)
	if !first.Holding() || !strings.Contains(log.String(), "embedded Redis started at "+addr+": nothing survives this process") {
		t.Fatalf("holding %v, log %s", first.Holding(), log)
	}
	second, log, _ := embedIn(t, addr)
	if second.Holding() || !strings.Contains(log.String(), "another instance") {
		t.Errorf("holding %v, log %s", second.Holding(), log)
	}
	a, _ := running(t, addr, quick())
	b, _ := running(t, addr, quick())
	r, _ := follow(t, b, 10)
	say(t, a, "salut")
	r.wait(t, "what is said on the other", func() bool { return len(r.texts(t)) == 1 })
}

func TestEmbedded_AnotherTakesOverWithinTwoSeconds(t *testing.T) {
	addr := freeAddr(t)
	_, _, stopHolder := embedIn(t, addr)
	second, log2, _ := embedIn(t, addr)
	third, log3, _ := embedIn(t, addr)
	s, _ := running(t, addr, quick())
	r, _ := follow(t, s, 10)
	s.Join(lobby, ana, "")
	r.waitPresence(t, 1, 1)
	say(t, s, "before")
	r.wait(t, "what is said before", func() bool { return len(r.texts(t)) == 1 })
	began := time.Now()
	stopHolder() // with clients connected: it must not wait for them
	eventually(t, "one of the others holds it", func() bool { return second.Holding() || third.Holding() })
	eventually(t, "it takes posts", func() bool {
		_, err := s.Append(t.Context(), post("after"))
		return err == nil
	})
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
	r.wait(t, "what is said after", func() bool { return len(r.texts(t)) >= 3 })
	if got := fmt.Sprint(r.texts(t)); got != "[before <replace> after]" {
		t.Errorf("got %s", got)
	}
	r.waitPresence(t, 1, 1)
	if second.Holding() && third.Holding() {
		t.Error("two hold it")
	}
	if !strings.Contains(log2.String()+log3.String(), "took over at "+addr) {
		t.Errorf("log %s %s", log2, log3)
	}
}

func TestEmbedded_StandsAsideForARealRedis(t *testing.T) {
	server := startRedis(t)
	e, log, _ := embedIn(t, server.addr)
	if e.Holding() || !strings.Contains(log.String(), "using the Redis at") {
		t.Fatalf("holding %v, log %s", e.Holding(), log)
	}
	server.kill()
	// It looks several times while nobody is there, and must leave the port alone.
	looks := 0
	eventually(t, "it looks", func() bool {
		looks++
		return e.Holding() || looks > 300
	})
	if e.Holding() {
		t.Fatal("it took the port of a Redis that restarts")
	}
	server.start(t)
}

func TestEmbedded_SaysWhatAStrangerAtItsAddressMeans(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = conn.Close()
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	e, log, _ := embedIn(t, l.Addr().String())
	if e.Holding() || !strings.Contains(log.String(), "is not a Redis: set REDIS_URL") {
		t.Errorf("holding %v, log %s", e.Holding(), log)
	}
}

func TestEmbedded_ItsClockAndItsTimesToLiveGoOn(t *testing.T) {
	addr := freeAddr(t)
	embedIn(t, addr)
	s := idle(t, addr, quick())
	if err := s.client.Set(t.Context(), "k", "v", 1500*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	before, err := s.client.Time(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the key expires", func() bool { return s.client.Exists(t.Context(), "k").Val() == 0 })
	after, err := s.client.Time(t.Context()).Result()
	if err != nil || after.Sub(before) < time.Second || time.Since(after).Abs() > time.Second {
		t.Errorf("its clock went from %s to %s, error %v", before, after, err)
	}
}

func TestEmbedded_ManyAtOnceMakeOne(t *testing.T) {
	addr := freeAddr(t)
	var mu sync.Mutex
	var all []*Embedded
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			e, _, _ := embedIn(t, addr)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, e)
		})
	}
	wg.Wait()
	holders := 0
	for _, e := range all {
		if e.Holding() {
			holders++
		}
	}
	if holders != 1 {
		t.Errorf("%d hold it", holders)
	}
}

// BenchmarkEmbedded measures posts a second where 10,000 messages and 10,000
// nonces are kept, the clock moving on as it does in use.
func BenchmarkEmbedded(b *testing.B) {
	addr := freeAddr(b)
	embedIn(b, addr)
	for _, writers := range []int{1, 32} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			s := idle(b, addr, Options{HistorySize: 10_000, HistoryTTL: time.Hour, MessageRate: 1e6, MessageBurst: 1e6})
			for range 10_000 {
				if _, err := s.Append(b.Context(), post("one of those that are kept")); err != nil {
					b.Fatal(err)
				}
			}
			benchmarkAppend(b, s, writers)
		})
	}
	b.Run("newest 50", func(b *testing.B) {
		s := idle(b, addr, Options{HistorySize: 10_000, HistoryTTL: time.Hour})
		for range 10_000 {
			if _, err := s.Append(b.Context(), post("one of those that are kept")); err != nil {
				b.Fatal(err)
			}
		}
		for b.Loop() {
			if p, err := s.Before(b.Context(), lobby, chat.EventID{}, 50); err != nil || len(p.Events) != 50 {
				b.Fatal(len(p.Events), err)
			}
		}
	})
}
