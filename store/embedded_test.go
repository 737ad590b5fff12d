package store

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"

	"causette/chat"
	"causette/store/embedded"
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

// embeddedRedis is one instance's.
type embeddedRedis struct {
	*embedded.Redis
	log    *logged
	socket string // where it listens, if it does
	stop   func()
}

// embedIn runs an embedded Redis, of one who has no Redis at addr and whose sockets are in
// dir, until the test ends or stop is called.
func embedIn(t testing.TB, addr, dir string) *embeddedRedis {
	t.Helper()
	e := &embeddedRedis{log: &logged{}, socket: filepath.Join(dir, "causette", "redis.sock")}
	e.Redis = embedded.Open(t.Context(), embedded.Options{
		Address: addr, RuntimeDir: dir, TempDir: dir, Log: slog.New(slog.NewTextHandler(e.log, nil)),
	})
	ctx, cancel := context.WithCancel(context.Background()) //nolint:usetesting // stopped in Cleanup
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	e.stop = sync.OnceFunc(func() {
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
	t.Cleanup(e.stop)
	return e
}

// socketDir is a directory of a short name, since a socket's path has little room.
func socketDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "causette-") //nolint:usetesting // whose names are long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// runningOn makes a Store that runs on whatever Redis e finds.
func runningOn(t testing.TB, e *embeddedRedis) *Store {
	t.Helper()
	client, err := DialBy("redis://127.0.0.1:1", e.Dial) // a place that nobody is at
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	s := New(client, quick())
	run(t, s)
	return s
}

func TestEmbedded_WhatIsSaidOnOneInstanceIsHeardOnTheOther(t *testing.T) {
	addr, dir := freeAddr(t), socketDir(t)
	first, second := embedIn(t, addr, dir), embedIn(t, addr, dir)
	if !first.Holding() || second.Holding() {
		t.Fatalf("holding: %v and %v", first.Holding(), second.Holding())
	}
	a, b := runningOn(t, first), runningOn(t, second)
	r, _ := follow(t, b, 10)
	say(t, a, "salut")
	r.wait(t, "what is said on the other", func() bool { return len(r.texts(t)) == 1 })
}

func TestEmbedded_AnotherTakesOverWithinTwoSeconds(t *testing.T) {
	addr, dir := freeAddr(t), socketDir(t)
	holder := embedIn(t, addr, dir)
	second, third := embedIn(t, addr, dir), embedIn(t, addr, dir)
	s := runningOn(t, second)
	r, _ := follow(t, s, 10)
	s.Join(lobby, ana, "")
	r.waitPresence(t, 1, 1)
	say(t, s, "before")
	r.wait(t, "what is said before", func() bool { return len(r.texts(t)) == 1 })
	began := time.Now()
	holder.stop() // with clients connected: it must not wait for them
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
	if !strings.Contains(second.log.String()+third.log.String(), "took over") {
		t.Errorf("log %s %s", second.log, third.log)
	}
}

// An older version's embedded Redis listens at the address of the machine's own.
func TestEmbedded_AnOlderVersionsIsJoinedUntilItGoes(t *testing.T) {
	addr, dir := freeAddr(t), socketDir(t)
	older := miniredis.NewMiniRedis()
	if err := older.StartAddr(addr); err != nil {
		t.Fatal(err)
	}
	defer older.Close()
	if err := older.Server().Register("CAUSETTE.EMBEDDED", func(c *server.Peer, _ string, _ []string) { c.WriteOK() }); err != nil {
		t.Fatal(err)
	}
	e := embedIn(t, addr, dir)
	s := runningOn(t, e)
	eventually(t, "it takes posts", func() bool {
		_, err := s.Append(t.Context(), post("before"))
		return err == nil
	})
	if e.Holding() || len(older.Keys()) == 0 {
		t.Fatalf("holding %v, keys of the older one %v; log %s", e.Holding(), older.Keys(), e.log)
	}
	older.Close()
	eventually(t, "it is held here", e.Holding)
	eventually(t, "it takes posts again", func() bool {
		_, err := s.Append(t.Context(), post("after"))
		return err == nil
	})
}

func TestEmbedded_ItsClockAndItsTimesToLiveGoOn(t *testing.T) {
	s := idle(t, embedRedis(t), quick())
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

// BenchmarkEmbedded measures posts a second where 10,000 messages and 10,000
// nonces are kept, the clock moving on as it does in use.
func BenchmarkEmbedded(b *testing.B) {
	addr := embedRedis(b)
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
