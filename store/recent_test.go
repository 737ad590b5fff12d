package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"causette/chat"
)

func TestRecent_IsReadOnceForAllWhoAskAndRememberedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecent[string]("test", newMetrics(), time.Second, 10, 1000, func(int) int { return 1 })
		reads := 0
		get := func() int {
			v, err := r.get(t.Context(), "k", func(context.Context) (int, error) {
				reads++
				time.Sleep(100 * time.Millisecond)
				return reads, nil
			})
			if err != nil {
				t.Error(err)
			}
			return v
		}
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if v := get(); v != 1 {
					t.Errorf("got read %d", v)
				}
			})
		}
		wg.Wait()
		if v := get(); v != 1 {
			t.Errorf("got read %d, want what is remembered", v)
		}
		time.Sleep(time.Second + time.Millisecond)
		r.mu.Lock()
		if r.kept.Len() != 0 || r.bytes != 0 {
			t.Errorf("%d are kept, %d bytes", r.kept.Len(), r.bytes)
		}
		r.mu.Unlock()
		if v := get(); v != 2 {
			t.Errorf("got read %d, want a new one", v)
		}
		time.Sleep(2 * time.Second) // the sweeper is done
	})
}

func TestRecent_WhatWasReadBeforeAWriteIsForNobodyAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecent[string]("test", newMetrics(), time.Second, 10, 1000, func(string) int { return 1 })
		var written atomic.Value
		written.Store("old")
		get := func() string {
			v, _ := r.get(t.Context(), "k", func(context.Context) (string, error) {
				v := written.Load().(string)
				time.Sleep(100 * time.Millisecond) // the answer is on its way
				return v, nil
			})
			return v
		}
		early := make(chan string, 1)
		go func() { early <- get() }()
		synctest.Wait() // it has read
		written.Store("new")
		r.forget("k")
		if v := get(); v != "new" {
			t.Errorf("after the write, got the %s one", v)
		}
		if v := <-early; v != "old" {
			t.Errorf("who asked before got the %s one", v)
		}
		if v := get(); v != "new" {
			t.Errorf("the %s one is remembered", v)
		}
		time.Sleep(2 * time.Second)
	})
}

func TestRecent_IsBoundedAndAnErrorIsNotRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecent[int]("test", newMetrics(), time.Second, 10, 100, func(n int) int { return n })
		get := func(key, size int, fails error) error {
			_, err := r.get(t.Context(), key, func(context.Context) (int, error) { return size, fails })
			return err
		}
		for key := range 50 {
			if err := get(key, 1, nil); err != nil {
				t.Error(err)
			}
		}
		if r.kept.Len() != 10 || r.bytes != 10 {
			t.Errorf("%d are kept, %d bytes", r.kept.Len(), r.bytes)
		}
		_ = get(100, 95, nil)
		if r.bytes > 100 {
			t.Errorf("%d bytes are kept", r.bytes)
		}
		_ = get(101, 101, nil) // larger than all there is
		if r.bytes != 0 {
			t.Errorf("%d bytes are kept", r.bytes)
		}
		broken := errors.New("broken")
		if err := get(102, 1, broken); !errors.Is(err, broken) {
			t.Error(err)
		}
		if err := get(102, 1, nil); err != nil {
			t.Errorf("the error was remembered: %v", err)
		}
		time.Sleep(2 * time.Second)
	})
}

func TestRecent_WhoGoesAwayDoesNotEndTheReadOfTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecent[string]("test", newMetrics(), 0, 1, 0, func(int) int { return 0 })
		read := func(ctx context.Context) (int, error) {
			time.Sleep(100 * time.Millisecond)
			return 7, ctx.Err()
		}
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() { _, err := r.get(ctx, "k", read); gone <- err }()
		synctest.Wait()
		cancel()
		if v, err := r.get(t.Context(), "k", read); v != 7 || err != nil {
			t.Errorf("got %d, %v", v, err)
		}
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("who went away got %v", err)
		}
	})
}

func TestReadBefore_HoldsWhatThisInstanceTookOrHeardAndIsCutToItsLimit(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		writer, reader := idle(t, addr, quick()), idle(t, addr, quick())
		run(t, reader)
		follow(t, reader, 0)
		newest := func(s *Store, limit int) []string {
			page, err := s.ReadBefore(t.Context(), lobby, chat.EventID{}, limit)
			if err != nil {
				t.Fatal(err)
			}
			return textsOf(t, page.Events)
		}
		for i := range 120 {
			text := fmt.Sprint(i)
			say(t, writer, text)
			for _, limit := range []int{1, 50, 100, 200, 300} {
				got := newest(writer, limit)
				if want := min(i+1, limit); len(got) != want || got[want-1] != text {
					t.Fatalf("limit %d after %q: %d messages, the last %q", limit, text, len(got), got[len(got)-1])
				}
			}
		}
		eventually(t, "the other instance has heard the last", func() bool {
			got := newest(reader, 50)
			return got[len(got)-1] == "119"
		})
		page, err := writer.ReadBefore(t.Context(), lobby, chat.EventID{}, 100)
		if err != nil || !page.More {
			t.Errorf("more %v, %v", page.More, err)
		}
	})
}

func TestReadRooms_AndReadPeopleAreOneReadForAllWhoAsk(t *testing.T) {
	server := startRedis(t)
	s := idle(t, server.addr, quick())
	s.health.set(nil)
	say(t, s, "a message")
	s.record(t.Context(), s.active.take())
	before := commandsOf(t, s, "zrevrange") + commandsOf(t, s, "hscan")
	for range 100 {
		if rooms, err := s.ReadRooms(t.Context(), 50); err != nil || len(rooms) != 1 {
			t.Fatal(rooms, err)
		}
		if _, _, err := s.ReadPeople(t.Context(), lobby); err != nil {
			t.Fatal(err)
		}
	}
	// Two lists of rooms and a scan each time; a slow machine may need a second time.
	if n := commandsOf(t, s, "zrevrange") + commandsOf(t, s, "hscan") - before; n < 3 || n > 30 {
		t.Errorf("%d commands for 200 requests", n)
	}
}

// commandsOf is how often Redis has run a command.
func commandsOf(t *testing.T, s *Store, name string) (n int) {
	t.Helper()
	stats := s.client.Info(t.Context(), "commandstats").Val()
	for line := range strings.SplitSeq(stats, "\r\n") {
		if _, err := fmt.Sscanf(line, "cmdstat_"+name+":calls=%d,", &n); err == nil {
			return n
		}
	}
	return 0
}
