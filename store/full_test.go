package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"causette/chat"
)

// fill fills a Redis that has a maxmemory to the brim, and returns how much it holds.
func fill(t *testing.T, s *Store) int64 {
	t.Helper()
	for bytes := 32 << 10; bytes >= 64; bytes /= 2 {
		for n := 0; ; n++ {
			err := s.client.Set(t.Context(), fmt.Sprint("filler:", bytes, ":", n), strings.Repeat("x", bytes), 0).Err()
			if isOOM(err) {
				break
			}
			must(t, err)
		}
	}
	full := usedMemory(t, s)
	must(t, s.client.ConfigSet(t.Context(), "maxmemory", fmt.Sprint(full-100<<10)).Err()) // buffers come and go
	return full
}

// empty takes the filler away.
func empty(t *testing.T, s *Store) {
	t.Helper()
	keys, err := s.client.Keys(t.Context(), "filler:*").Result()
	must(t, err)
	must(t, s.client.Del(t.Context(), keys...).Err())
}

func usedMemory(t *testing.T, s *Store) (bytes int64) {
	t.Helper()
	info, err := s.client.Info(t.Context(), "memory").Result()
	must(t, err)
	_, rest, _ := strings.Cut(info, "used_memory:")
	_, err = fmt.Sscan(rest, &bytes)
	must(t, err)
	return bytes
}

// fullRedis is a Store before a Redis that is full. What there was before is there.
func fullRedis(t *testing.T, o Options, before func(*Store)) (*Store, int64) {
	t.Helper()
	s := idle(t, startRedis(t, "--maxmemory", "6mb").addr, o)
	s.health.set(nil)
	before(s)
	return s, fill(t, s)
}

func TestFull_EveryWriteIsRefusedAndSaysSo(t *testing.T) {
	o := quick()
	o.MessageRate, o.MessageBurst, o.SessionRate, o.RoomRate = 100, 10_000, 10, 1000
	bob := post("bob's")
	bob.Guest, bob.Session, bob.Message.Author = false, "p_bob", chat.Person{ID: "p_bob", Nickname: "bob"}
	s, full := fullRedis(t, o, func(s *Store) {
		sayNumbers(t, s, 0, 5)
		must(t, s.Claim(t.Context(), "p_bob", "bob"))
	})
	large := postOf(8000)
	large.Address = "192.0.2.1"
	elsewhere := large
	elsewhere.Room = "elsewhere"
	bob.Message.Text = large.Message.Text
	appended := func(p Post) func() error {
		return func() error { _, err := s.Append(t.Context(), p); return err }
	}
	for what, write := range map[string]func() error{
		"a guest's post":        appended(large),
		"a session's post":      appended(bob),
		"a new room":            appended(elsewhere),
		"a nickname":            func() error { return s.Claim(t.Context(), "p_cleo", "cleo") },
		"a session, by address": func() error { return s.AllowSession(t.Context(), "192.0.2.1") },
		"typing":                func() error { return s.Typing(t.Context(), lobby, ana, "") },
	} {
		for range 100 {
			if err := write(); !errors.Is(err, chat.ErrStorageFull) || !errors.Is(err, chat.ErrUnavailable) {
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
	if now := usedMemory(t, s); now > full+256<<10 {
		t.Errorf("%d bytes are used, and %d were", now, full)
	}
	if page, err := s.Before(t.Context(), lobby, chat.EventID{}, 10); err != nil || len(page.Events) != 6 {
		t.Errorf("reading: %d messages, error %v", len(page.Events), err)
	}
	if err := s.Hold(t.Context(), "p_bob", Token{}, "bob"); err != nil {
		t.Errorf("who has a nickname keeps it: %v", err)
	}
	empty(t, s)
	for _, p := range []Post{large, bob, elsewhere} {
		eventually(t, "it can be said once there is memory again", func() bool {
			_, err := s.Append(t.Context(), p)
			return err == nil
		})
	}
}

func TestFull_ALogThatLostItsEndIsTornNevertheless(t *testing.T) {
	o := quick()
	s, full := fullRedis(t, o, func(s *Store) {
		for range 150 {
			if _, err := s.Append(t.Context(), postOf(8000)); err != nil {
				t.Fatal(err)
			}
		}
	})
	epoch, err := s.tear(t.Context(), lobby, chat.EventID{Epoch: newest(t, s).Epoch, Seq: 1000})
	if err != nil || epoch == 0 {
		t.Fatalf("epoch %d, error %v", epoch, err)
	}
	if now := usedMemory(t, s); now > full+256<<10 {
		t.Errorf("%d bytes are used, and %d were", now, full)
	}
	if page, err := s.Before(t.Context(), lobby, chat.EventID{}, MaxPage); err != nil || len(page.Events) != 150 || page.Events[0].ID.Epoch != epoch {
		t.Errorf("%d messages, error %v", len(page.Events), err)
	}
}

// Redis takes the post, and then has no room to count it: it is at the brim.
func TestFull_ALimiterThatCannotAnswerRefuses(t *testing.T) {
	o := quick()
	o.MessageRate, o.MessageBurst, o.StreamRate = 1, leastMessageBatch, 60
	s, _ := fullRedis(t, o, func(*Store) {})
	for range 2 * leastMessageBatch {
		s.chargePost(t.Context(), Post{Who: "p_ana", Address: "192.0.2.1"}, Receipt{}, nil)
	}
	p := post("refused")
	p.Address = "192.0.2.1"
	if err := s.limits.messages.allow("p_ana"); !errors.Is(err, chat.ErrStorageFull) {
		t.Errorf("a message of a sender who cannot be charged: %v", err)
	}
	if err := s.limits.addresses.allow("192.0.2.1"); !errors.Is(err, chat.ErrStorageFull) {
		t.Errorf("one of an address that cannot be: %v", err)
	}
	opened := 0
	for range 200 {
		if s.AllowStream(t.Context(), "192.0.2.1") == nil {
			opened++
		}
	}
	if opened < 60 || opened > 70 {
		t.Errorf("%d streams of an address were opened, of which this instance alone knows; 60 may be", opened)
	}
	empty(t, s)
	eventually(t, "what was not charged is, since it still counts", func() bool {
		s.chargePost(t.Context(), p, Receipt{}, nil)
		_, limited := errors.AsType[*chat.RateLimited](s.limits.messages.allow(p.Who))
		return limited
	})
}

func TestLimits_AnErrorOfALimiterThatIsNoFullRedisRefusesToo(t *testing.T) {
	server := startRedis(t)
	must(t, dial(t, server.addr).Do(t.Context(), "ACL", "SETUSER", "poor", "on", ">pw", "~chat:{*", "&*", "+@all").Err())
	client, err := Dial("redis://poor:pw@" + server.addr)
	must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	o := quick()
	o.MessageRate, o.MessageBurst = 1, 20
	s := New(client, o)
	for range leastMessageBatch {
		s.charge(t.Context(), s.limits.messages, "p_ana", 1)
	}
	if err := s.limits.messages.allow("p_ana"); !errors.Is(err, chat.ErrUnavailable) || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("a sender whose state may not be written: %v", err)
	}
}
