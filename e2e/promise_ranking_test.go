//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// from is the header by which a trusted proxy says for whom it asks.
func from(address string) string { return "X-Forwarded-For: " + address }

func TestPromise3_OneAddressDoesNotOwnTheListOfRoomsHoweverManyItSpeaksIn(t *testing.T) {
	redis := startRedis(t)
	i := startInstance(t, append([]setting{redis.url(), "ROOM_RATE=0"}, quiet...)...)
	say := func(room, nickname, address string) {
		mustCall(t, http.StatusCreated, http.MethodPost, i.base+"/messages",
			asJSON(post{Room: room, Text: "salut", Nickname: nickname}), from(address))
	}
	for n := range 3 {
		say("people", fmt.Sprint("ana", n), fmt.Sprint("192.0.2.", n+1))
	}
	for n := range 60 { // later, under a new name each time
		say(fmt.Sprint("flood-", n), fmt.Sprint("eve", n), "203.0.113.9")
	}
	var listed []string
	eventually(t, 10*time.Second, "the list of rooms has the flood", func() error {
		listed = listRooms(t, i)
		if len(listed) < 50 {
			return fmt.Errorf("%d rooms", len(listed))
		}
		return nil
	})
	eventually(t, 5*time.Second, "the room of three people is first", func() error {
		if listed = listRooms(t, i); listed[0] != "people" {
			return fmt.Errorf("the list begins with %s", listed[:3])
		}
		return nil
	})
}

func listRooms(t *testing.T, i *instance) (names []string) {
	t.Helper()
	var list struct{ Rooms []struct{ Room string } }
	if err := json.Unmarshal(mustCall(t, http.StatusOK, http.MethodGet, i.base+"/rooms", "").body, &list); err != nil {
		t.Fatal(err)
	}
	for _, r := range list.Rooms {
		names = append(names, r.Room)
	}
	return names
}

func TestPromise3_NamelessStreamsDoNotSilenceARoomsNotices(t *testing.T) {
	redis := startRedis(t)
	i := startInstance(t, append([]setting{redis.url()}, quiet...)...)
	for range 101 {
		listen(t, subscription{base: i.base})
	}
	reader := listen(t, subscription{base: i.base})
	awaitPeople(t, i.base, 102)
	ana := enter(t, i.base, "ana")
	listen(t, subscription{base: i.base, as: ana})
	reader.await(10*time.Second, "the notice that ana came", func(e event) bool { return e.name == "notice" })
}
