package store

import (
	"encoding/json"
	"testing"
	"time"

	"causette/chat"
)

func TestRooms_WhatChangesInOtherRoomsIsTold(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		r, _ := follow(t, s, 10)
		told := func() (all []chat.RoomNews) {
			for _, e := range r.of(chat.KindRooms) {
				var news chat.Rooms
				if err := json.Unmarshal(e.Data, &news); err != nil {
					t.Fatal(err)
				}
				all = append(all, news.Rooms...)
			}
			return all
		}
		say(t, s, "here")
		deadline := time.After(soon)
		p := post("hello")
		p.Room = "elsewhere"
		receipt, err := s.Append(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		for again := time.NewTicker(50 * time.Millisecond); len(told()) == 0; {
			select {
			case <-again.C:
			case <-deadline:
				t.Fatal("nobody was told")
			}
		}
		for _, n := range told() {
			if n.Room != "elsewhere" || n.LastID != receipt.Message.ID {
				t.Errorf("told of %+v", n)
			}
		}
	})
}

func TestRoomNews_IsWhatDiffersAndEverythingAtFirst(t *testing.T) {
	a, b := RoomInfo{Room: "a", Participants: 1}, RoomInfo{Room: "b", LastID: chat.EventID{Epoch: 1, Seq: 2}}
	changed, known := roomNews(nil, []RoomInfo{a, b})
	if len(changed) != 2 {
		t.Errorf("at first %+v", changed)
	}
	a.Participants = 2
	changed, known = roomNews(known, []RoomInfo{a, b, {Room: "c"}})
	if len(changed) != 2 || changed[0].Room != "a" || changed[0].Participants != 2 || changed[1].Room != "c" {
		t.Errorf("then %+v", changed)
	}
	if changed, _ = roomNews(known, []RoomInfo{b}); len(changed) != 0 {
		t.Errorf("of what stayed %+v", changed)
	}
}

func TestRoomsEvery_IsMoreSeldomTheMoreRead(t *testing.T) {
	for readers, want := range map[int]time.Duration{
		0: time.Second, 999: time.Second, 1000: 2 * time.Second, 19_000: 20 * time.Second, 1_000_000: 30 * time.Second,
	} {
		if got := roomsEvery(readers); got != want {
			t.Errorf("%d readers: %s, want %s", readers, got, want)
		}
	}
}
