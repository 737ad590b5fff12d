package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"causette/chat"
)

// stopSaving has a Redis refuse writes since it cannot save.
func stopSaving(t *testing.T, s *Store) {
	t.Helper()
	dir := s.client.ConfigGet(t.Context(), "dir").Val()["dir"]
	must(t, os.Mkdir(filepath.Join(dir, "dump.rdb"), 0o700)) // no file can be put there
	must(t, s.client.ConfigSet(t.Context(), "save", "3600 1").Err())
	must(t, s.client.BgSave(t.Context()).Err())
	eventually(t, "it could not save", func() bool {
		return strings.Contains(s.client.Info(t.Context(), "persistence").Val(), "rdb_last_bgsave_status:err")
	})
}

// becomeReplica makes of a Redis a replica of one that is not there.
func becomeReplica(t *testing.T, s *Store) {
	t.Helper()
	_, port, _ := strings.Cut(freeAddr(t), ":")
	must(t, s.client.SlaveOf(t.Context(), "127.0.0.1", port).Err())
}

func TestHealth_ARedisThatRefusesWritesIsReadAllTheSame(t *testing.T) {
	set := func(name, value string) func(*testing.T, *Store) {
		return func(t *testing.T, s *Store) { must(t, s.client.ConfigSet(t.Context(), name, value).Err()) }
	}
	for name, c := range map[string]struct{ refuse, accept func(*testing.T, *Store) }{
		"NOREPLICAS": {set("min-replicas-to-write", "1"), set("min-replicas-to-write", "0")},
		"MISCONF":    {stopSaving, set("stop-writes-on-bgsave-error", "no")},
		"READONLY": {becomeReplica, func(t *testing.T, s *Store) {
			must(t, s.client.SlaveOf(t.Context(), "NO", "ONE").Err())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o := quick()
			o.StreamRate = 600
			s, _ := running(t, startRedis(t).addr, o)
			eventually(t, "redis takes posts", func() bool { return s.Ready() == nil })
			say(t, s, "before")
			must(t, s.Claim(t.Context(), "p_bob", "bob"))
			ended := NewToken()
			must(t, s.EndSession(t.Context(), "p_bob", ended, false))
			c.refuse(t, s)
			eventually(t, "it takes no writes", func() bool { return s.Ready() != nil })
			if err := s.Ready(); !strings.Contains(err.Error(), name) || !errors.Is(err, chat.ErrUnavailable) || isFull(err) {
				t.Errorf("not ready: %v", err)
			}
			readsGoOn(t, s, ended)
			if _, err := s.Append(t.Context(), post("refused")); !errors.Is(err, chat.ErrUnavailable) || isFull(err) {
				t.Errorf("a post: %v", err)
			}
			c.accept(t, s)
			eventually(t, "it takes posts again", func() bool { return s.Ready() == nil })
			say(t, s, "after")
		})
	}
}

// readsGoOn asks for all that requests read; ended is a token of p_bob that does not count.
func readsGoOn(t *testing.T, s *Store, ended Token) {
	t.Helper()
	for what, read := range map[string]func() error{
		"what follows":  func() error { _, err := s.ReadAfter(t.Context(), lobby, chat.EventID{}, 10); return err },
		"the newest":    func() error { _, err := s.ReadBefore(t.Context(), lobby, chat.EventID{}, 10); return err },
		"the rooms":     func() error { _, err := s.ReadRooms(t.Context(), 10); return err },
		"the people":    func() error { _, _, err := s.ReadPeople(t.Context(), lobby); return err },
		"a token":       func() error { return s.CheckToken(t.Context(), "p_bob", NewToken()) },
		"a stream more": func() error { return s.AllowStream(t.Context(), "192.0.2.1") },
	} {
		if err := read(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.CheckToken(t.Context(), "p_bob", ended); !errors.Is(err, chat.ErrSessionEnded) {
		t.Errorf("an ended token: %v", err)
	}
	if err := s.Hold(t.Context(), "p_bob", ended, "bob"); !errors.Is(err, chat.ErrSessionEnded) {
		t.Errorf("an ended token with a nickname: %v", err)
	}
	if err := testutil.CollectAndCompare(s.Collector(), strings.NewReader(`
# HELP causette_redis_up Whether Redis answers.
# TYPE causette_redis_up gauge
causette_redis_up 1
`), "causette_redis_up"); err != nil {
		t.Error(err)
	}
}

func TestHealth_AReplicaThatDoesNotServeIsAway(t *testing.T) {
	s, _ := running(t, startRedis(t).addr, quick())
	eventually(t, "redis takes posts", func() bool { return s.Ready() == nil })
	must(t, s.client.ConfigSet(t.Context(), "replica-serve-stale-data", "no").Err())
	becomeReplica(t, s)
	eventually(t, "it can't be read", func() bool { return !s.Up() && s.away() != nil })
	if _, err := s.ReadAfter(t.Context(), lobby, chat.EventID{}, 10); !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("a read: %v", err)
	}
}

func TestHealth_WhatALookSaysOfARedis(t *testing.T) {
	s := idle(t, freeAddr(t), quick())
	for text, want := range map[string]condition{
		"OOM command not allowed when used memory > 'maxmemory'.":            full,
		"READONLY You can't write against a read only replica.":              refusing,
		"MISCONF Redis is configured to save RDB snapshots":                  refusing,
		"NOREPLICAS Not enough good replicas to write.":                      refusing,
		"LOADING Redis is loading the dataset in memory":                     away,
		"NOAUTH Authentication required.":                                    away,
		"MASTERDOWN Link with MASTER is down":                                away,
		"CLUSTERDOWN The cluster is down":                                    away,
		"NOPERM this user has no permissions to access one of the keys":      away,
		"ERR max number of clients reached":                                  away,
		"BUSY Redis is busy running a script. You can only call SCRIPT KILL": away,
	} {
		if got := conditionOf(s.failed(t.Context(), "look at redis", redisError(text))); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}
