package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

// How many rooms somebody makes who opens streams and says nothing.
const hostileRooms = 10_000

func TestRooms_ThatReadersAloneMadeLeaveNothing(t *testing.T) {
	r := startRedis(t)
	o := quick()
	o.Lease = time.Minute // renewing ten thousand of them three times a second is not what this is about
	s, _ := running(t, r.addr, o)
	eventually(t, "redis answers", s.Up)
	size := func() int64 {
		n, err := s.client.DBSize(t.Context()).Result()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	say(t, s, "a room that stays")
	eventually(t, "the list of rooms", func() bool { n, _ := s.client.ZCard(t.Context(), s.keys.rooms()).Result(); return n == 1 })
	before := size()

	room := func(n int) chat.RoomID { return chat.RoomID(fmt.Sprint("hostile-", n)) }
	for n := range hostileRooms {
		s.Join(room(n), chat.Person{ID: fmt.Sprint("p_", n)}, "")
	}
	eventually(t, "all of them are told", func() bool { return size() > before+hostileRooms })
	for n := range 50 { // who reads only, in other ways
		if _, err := s.Before(t.Context(), room(-n), chat.EventID{}, 50); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.People(t.Context(), room(-n)); err != nil {
			t.Fatal(err)
		}
	}
	for n := range hostileRooms {
		s.Leave(room(n), fmt.Sprint("p_", n))
	}
	eventually(t, "nothing of them is left", func() bool {
		listed, err := s.client.ZCard(t.Context(), s.keys.rooms()).Result()
		return err == nil && listed == 1 && size() == before
	})
	if rooms, err := s.Rooms(t.Context(), 10); err != nil || len(rooms) != 1 {
		t.Errorf("the list has %v, %v", rooms, err)
	}
	eventually(t, "presence has the last answers, and remembers no room", func() bool {
		s.presence.mu.Lock()
		defer s.presence.mu.Unlock()
		return len(s.presence.rooms) == 0
	})
}

func TestRooms_ReadersAlonePushNobodyOutOfTheList(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		s.health.set(nil)
		begin := time.Now()
		s.writeRooms(t.Context(), map[chat.RoomID]time.Time{chat.Lobby: begin}, nil)
		for n := range 3 {
			came := make(map[chat.RoomID]time.Time)
			for m := range maxRooms {
				came[chat.RoomID(fmt.Sprint("hostile-", n, "-", m))] = begin.Add(time.Second)
			}
			s.writeRooms(t.Context(), nil, came)
		}
		listed, err := s.client.ZCard(t.Context(), s.keys.rooms()).Result()
		if score := s.client.ZScore(t.Context(), s.keys.rooms(), string(chat.Lobby)).Val(); err != nil || listed != maxRooms/2 || score == 0 {
			t.Errorf("%d rooms are listed, %v; the lobby's score is %v", listed, err, score)
		}
	})
}

func TestRooms_OneThatCameToLifeIsNotForgotten(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		s.health.set(nil)
		now := time.Now()
		s.writeRooms(t.Context(), map[chat.RoomID]time.Time{"dead": now, chat.Lobby: now, "again": now}, nil)
		say(t, s, "a message")
		later := redis.Z{Score: float64(now.Add(time.Second).UnixMilli()), Member: "again"}
		if err := s.client.ZAdd(t.Context(), s.keys.rooms(), later).Err(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.run(t.Context(), "forget", forgetScript, []string{s.keys.rooms()}, "again", now.UnixMilli()); err != nil {
			t.Fatal(err)
		}
		s.forgetRooms(t.Context(), []chat.RoomID{"dead", chat.Lobby, "never"})
		left, err := s.client.ZRange(t.Context(), s.keys.rooms(), 0, -1).Result()
		if err != nil || fmt.Sprint(left) != "[lobby again]" {
			t.Errorf("the list has %v, %v", left, err)
		}
	})
}
