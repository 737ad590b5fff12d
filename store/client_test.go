package store

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

func TestClients_ReadsThatTakeAllConnectionsKeepNeitherPostsNorTheHealthWaiting(t *testing.T) {
	server := startRedis(t)
	s := New(dialURL(t, "redis://"+server.addr+"?pool_size=2"), quick())
	run(t, s)
	eventually(t, "redis answers", s.Up)
	var wg sync.WaitGroup
	defer wg.Wait()
	for range 2 {
		wg.Go(func() { s.client.BLPop(t.Context(), 20*time.Second, "never") })
	}
	defer server.kill()
	eventually(t, "no connection is free", func() bool {
		stats := s.client.PoolStats()
		return stats.TotalConns == 2 && stats.IdleConns == 0
	})
	if _, err := s.Rooms(t.Context(), 10); !errors.Is(err, chat.ErrBusy) {
		t.Errorf("a read that has no connection: %v", err)
	}
	for range 30 {
		say(t, s, "a message") // its tenth is charged to its sender as well
		if err := s.Ready(); err != nil {
			t.Fatalf("the health: %v", err)
		}
		time.Sleep(5 * time.Millisecond) // several looks
	}
}

// go-redis says so of its last try, and may have asked Redis before.
func TestClients_APostThatHasNoConnectionIsNotSaidToHaveNoEffect(t *testing.T) {
	server := startRedis(t)
	o := quick()
	o.Timeout = soon
	s := New(Shared(dialURL(t, "redis://"+server.addr+"?pool_size=1").rest), o)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { s.client.BLPop(t.Context(), 20*time.Second, "list") })
	defer dial(t, server.addr).RPush(t.Context(), "list", "enough")
	eventually(t, "no connection is free", func() bool {
		stats := s.client.PoolStats()
		return stats.TotalConns == 1 && stats.IdleConns == 0
	})
	if _, err := s.Append(t.Context(), post("a message")); !errors.Is(err, redis.ErrPoolTimeout) ||
		!errors.Is(err, chat.ErrUnavailable) || errors.Is(err, chat.ErrBusy) {
		t.Errorf("a post: %v", err)
	}
	for what, read := range map[string]func() error{
		"a page":    func() error { _, err := s.After(t.Context(), lobby, chat.EventID{}, 10); return err },
		"the rooms": func() error { _, err := s.Rooms(t.Context(), 10); return err },
		"a token":   func() error { return s.CheckToken(t.Context(), "p_ana", NewToken()) },
	} {
		if err := read(); !errors.Is(err, chat.ErrBusy) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestReady_TellsARedisThatIsFullFromOneThatIsAway(t *testing.T) {
	server := startRedis(t)
	s, _ := running(t, server.addr, quick())
	eventually(t, "redis answers", func() bool { return s.Ready() == nil })
	say(t, s, "before")
	limit := func(bytes string) { must(t, s.client.ConfigSet(t.Context(), "maxmemory", bytes).Err()) }
	limit("100kb")
	eventually(t, "it is full", func() bool { return errors.Is(s.Ready(), chat.ErrStorageFull) })
	if !s.Up() || s.away() != nil || s.refuses() != nil {
		t.Error("a full Redis counts as one that is away")
	}
	if page, err := s.Before(t.Context(), lobby, chat.EventID{}, 10); err != nil || len(page.Events) != 1 {
		t.Errorf("to read: %d messages, %v", len(page.Events), err)
	}
	limit("0")
	eventually(t, "it is not full any more", func() bool { return s.Ready() == nil })
	if keys := s.client.Keys(t.Context(), "*probe*").Val(); len(keys) != 0 {
		t.Errorf("the look left %v behind", keys)
	}
	server.kill()
	eventually(t, "it is away", func() bool {
		err := s.Ready()
		return err != nil && !errors.Is(err, chat.ErrStorageFull)
	})
}
