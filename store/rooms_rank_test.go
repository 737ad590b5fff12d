package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

func TestRank_IsPeopleThenTheSecond(t *testing.T) {
	at := time.Date(2040, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, people := range []int{0, 1, 7, 1_000_000} {
		r := newRank(people, at)
		if r.people() != people || !r.at().Equal(at) {
			t.Errorf("%d people at %s: %d at %s", people, at, r.people(), r.at())
		}
		if r >= newRank(people+1, at.Add(-time.Hour)) || r >= newRank(people, at.Add(time.Second)) {
			t.Errorf("%d people: it is no order", people)
		}
	}
}

// sayIn says something in a room from an address.
func sayIn(t *testing.T, s *Store, room chat.RoomID, address string) {
	t.Helper()
	p := post("hello")
	p.Room, p.Address = room, address
	if _, err := s.Append(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}

func listed(t *testing.T, s *Store, limit int) (rooms []chat.RoomID) {
	t.Helper()
	infos, err := s.Rooms(t.Context(), limit)
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range infos {
		rooms = append(rooms, info.Room)
	}
	return rooms
}

func TestRooms_AreRankedByDistinctAddressesHoweverOftenEachSpeaks(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		s.health.set(nil)
		for _, address := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"} {
			sayIn(t, s, "people", address)
		}
		sayIn(t, s, "pair", "192.0.2.1")
		s.Join("pair", chat.Person{ID: "p_reader"}, "192.0.2.2") // who reads counts as well
		s.record(t.Context(), s.active.take())
		for i := range 60 {
			room := chat.RoomID(fmt.Sprint("flood-", i))
			sayIn(t, s, room, "203.0.113.9")
			for n := range 5 {
				s.Join(room, chat.Person{ID: fmt.Sprint("p_", n)}, "203.0.113.9")
			}
		}
		s.record(t.Context(), s.active.take())
		if got := listed(t, s, 50); len(got) != 50 || got[0] != "people" || got[1] != "pair" {
			t.Errorf("listed %v", got)
		}
		keys, err := s.client.Keys(t.Context(), "*:people:*").Result()
		if err != nil || len(keys) != 62 {
			t.Errorf("%d keys, %v", len(keys), err)
		}
		for _, key := range append(keys, s.keys.ranking()) {
			if ttl := s.client.PTTL(t.Context(), key).Val(); ttl <= 0 || ttl > 2*peopleWindow {
				t.Errorf("%s has a time to live of %s", key, ttl)
			}
			if value, _ := s.client.Dump(t.Context(), key).Result(); strings.Contains(value, "192.0.2") {
				t.Errorf("%s holds an address", key)
			}
		}
	})
}

func TestRooms_OnesThatOnlyAnOlderVersionKnowsComeBehind(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		s.health.set(nil)
		sayIn(t, s, "ranked", "192.0.2.1")
		s.record(t.Context(), s.active.take())
		sayIn(t, s, "older", "192.0.2.1")
		later := redis.Z{Score: float64(time.Now().Add(time.Minute).UnixMilli()), Member: "older"}
		if err := s.client.ZAdd(t.Context(), s.keys.rooms(), later).Err(); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(listed(t, s, 10)); got != "[ranked older]" {
			t.Errorf("listed %s", got)
		}
	})
}

func TestRooms_WhosePeopleAreForgottenSink(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		s.health.set(nil)
		for i := range 9 {
			sayIn(t, s, "once", fmt.Sprint("192.0.2.", i))
		}
		s.record(t.Context(), s.active.take())
		sayIn(t, s, "now", "192.0.2.1")
		s.record(t.Context(), s.active.take())
		if got := fmt.Sprint(listed(t, s, 10)); got != "[once now]" {
			t.Errorf("listed %s", got)
		}
		for _, key := range s.keys.recentPeople("once", time.Now()) {
			s.client.Del(t.Context(), key) // as in time it is
		}
		if got := fmt.Sprint(listed(t, s, 10)); got != "[now once]" {
			t.Errorf("listed %s", got)
		}
		if got := fmt.Sprint(listed(t, s, 1)); got != "[now]" { // the ranking itself was put right
			t.Errorf("listed %s", got)
		}
	})
}
