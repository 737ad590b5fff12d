package store

import (
	"fmt"
	"slices"
	"testing"

	"causette/chat"
)

// everywhere is a room of each master, followed.
type everywhere struct {
	c     *threeMasters
	s     *Store
	rooms [3]chat.RoomID
	sinks [3]*recorder
	said  [3]int
}

func (c *threeMasters) followEverywhere(t *testing.T, s *Store) *everywhere {
	t.Helper()
	e := &everywhere{c: c, s: s}
	for i := range e.rooms {
		e.rooms[i] = c.roomOf(t, i, "room")
		e.follow(t, i)
	}
	return e
}

// roomOf is a room of a master.
func (c *threeMasters) roomOf(t *testing.T, master int, stem string) chat.RoomID {
	t.Helper()
	for i := 0; ; i++ {
		room := chat.RoomID(fmt.Sprint(stem, "-", i))
		if holder, _ := c.holder(t, room); holder == master {
			return room
		}
	}
}

func (e *everywhere) follow(t *testing.T, i int) {
	t.Helper()
	e.sinks[i] = newRecorder()
	if _, err := e.s.Follow(t.Context(), e.rooms[i], e.said[i], e.sinks[i]); err != nil {
		t.Fatal(err)
	}
}

// say has the next number said in a room; it insists.
func (e *everywhere) say(t *testing.T, i int) {
	t.Helper()
	p := nonced(fmt.Sprint(e.said[i]))
	p.Room = e.rooms[i]
	repeatUntilAccepted(t, e.s, p)
	e.said[i]++
}

// heard waits until every room's readers got what was said there, each once and in order.
func (e *everywhere) heard(t *testing.T) {
	t.Helper()
	for i, r := range e.sinks {
		r.wait(t, "what is said", func() bool { return len(r.texts(t)) >= e.said[i] })
		if got := r.texts(t); !slices.Equal(got, numbers(0, e.said[i]-1)) {
			t.Fatalf("room of master %d: got %v", i, got)
		}
		contiguous(t, r.of(chat.KindMessage))
	}
}

func (e *everywhere) sayAndHear(t *testing.T) {
	t.Helper()
	for range 10 {
		for i := range e.rooms {
			e.say(t, i)
		}
	}
	e.heard(t)
}

// undisturbed fails if the readers of a room heard of Redis's being down.
func (e *everywhere) undisturbed(t *testing.T, rooms ...int) {
	t.Helper()
	for _, i := range rooms {
		if got := e.sinks[i].data(chat.KindStatus); len(got) > 0 {
			t.Errorf("room of master %d: told %v", i, got)
		}
	}
}

// channels are what is subscribed on a node.
func (c *threeMasters) channels(t *testing.T, node int, sharded bool) []string {
	t.Helper()
	client := dial(t, c.nodes[node].addr)
	list := client.PubSubChannels(t.Context(), "*")
	if sharded {
		list = client.PubSubShardChannels(t.Context(), "*")
	}
	must(t, list.Err())
	slices.Sort(list.Val())
	return list.Val()
}
