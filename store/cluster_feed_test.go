package store

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"causette/chat"
)

func TestClusterFeed_ASlotThatMovesDisturbsNobody(t *testing.T) {
	c := startThreeMasters(t)
	e := c.followEverywhere(t, c.store(t))
	e.sayAndHear(t)
	_, slot := c.holder(t, e.rooms[0])
	for at := range 3 { // and back where it was
		to := (at + 1) % 3
		c.move(t, slot, at, to)
		for range 10 {
			e.say(t, 0)
		}
		e.heard(t)
		eventually(t, "it is subscribed there", func() bool {
			return slices.Contains(c.channels(t, to, true), keys{}.channel(e.rooms[0])) &&
				!slices.Contains(c.channels(t, at, true), keys{}.channel(e.rooms[0]))
		})
		e.sayAndHear(t)
	}
	e.undisturbed(t, 0, 1, 2)
}

// Where the slot goes, nobody listens before it is there.
func TestClusterFeed_WhileASlotMovesNothingIsAcceptedUnheard(t *testing.T) {
	c := startThreeMasters(t)
	e := c.followEverywhere(t, c.store(t))
	e.sayAndHear(t)
	_, slot := c.holder(t, e.rooms[0])
	refused := func() {
		t.Helper()
		p := post("unheard")
		p.Room = e.rooms[0]
		if _, err := e.s.Append(t.Context(), p); !errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("append: %v", err)
		}
	}
	c.announceMove(t, slot, 0, 1)
	refused()
	c.moveKeys(t, slot, 0, 1)
	refused()
	must(t, e.s.Typing(t.Context(), e.rooms[0], ana, ""))
	e.sinks[0].wait(t, "typing", func() bool { return len(e.sinks[0].of(chat.KindTyping)) == 1 })
	c.endMove(t, slot, 0, 1)
	e.sayAndHear(t)
	e.undisturbed(t, 0, 1, 2)
}

func TestClusterFeed_AMasterThatDiesConcernsItsRoomsOnly(t *testing.T) {
	e, dying := masterIsGone(t, func(e *everywhere, i int) {
		other := e.c.roomOf(t, i, "other")
		e.c.nodes[i].kill()
		e.sinks[i].wait(t, "down", func() bool { return len(e.sinks[i].of(chat.KindStatus)) == 1 })
		began := time.Now()
		_, err := e.s.Follow(t.Context(), other, 0, newRecorder())
		if !errors.Is(err, chat.ErrUnavailable) || time.Since(began) > e.s.o.Timeout {
			t.Errorf("to follow another room of it took %s: %v", time.Since(began), err)
		}
	})
	if !upAgain(e.sinks[dying]) {
		t.Errorf("told %v", e.sinks[dying].data(chat.KindStatus))
	}
}

// One that falls silent keeps its connections. Its replica may have taken over before the
// silence is noticed.
func TestClusterFeed_AMasterThatFallsSilentConcernsItsRoomsOnly(t *testing.T) {
	masterIsGone(t, func(e *everywhere, i int) { e.c.nodes[i].freeze(t) })
}

func masterIsGone(t *testing.T, end func(e *everywhere, master int)) (e *everywhere, dying int) {
	t.Helper()
	c := startThreeMasters(t)
	e = c.followEverywhere(t, c.store(t))
	e.sayAndHear(t)
	// The control channel's connection is not to be the one that is lost.
	dying = (slices.IndexFunc(c.nodes[:3], func(n *realRedisServer) bool {
		i := slices.Index(c.nodes, n)
		return slices.Contains(c.channels(t, i, false), keys{}.control())
	}) + 1) % 3
	must(t, dial(t, c.nodes[dying].addr).Do(t.Context(), "WAIT", 1, 1000).Err())
	end(e, dying)
	for i := range e.rooms {
		if i != dying {
			e.say(t, i)
		}
	}
	for range 10 {
		e.say(t, dying)
	}
	e.heard(t)
	e.sayAndHear(t)
	e.sinks[dying].wait(t, "up, if it was down", func() bool { return len(e.sinks[dying].of(chat.KindStatus))%2 == 0 })
	e.undisturbed(t, (dying+1)%3, (dying+2)%3)
	if got := c.channels(t, 3+dying, true); !slices.Equal(got, []string{keys{}.channel(e.rooms[dying])}) {
		t.Errorf("the new master has %q", got)
	}
	return e, dying
}

// A master that becomes a replica of its replica keeps its connections.
func TestClusterFeed_AMasterThatStepsBackDisturbsNobody(t *testing.T) {
	c := startThreeMasters(t)
	e := c.followEverywhere(t, c.store(t))
	e.sayAndHear(t)
	must(t, dial(t, c.nodes[3].addr).Do(t.Context(), "CLUSTER", "FAILOVER").Err())
	for range 50 {
		e.say(t, 0)
	}
	e.heard(t)
	eventually(t, "it is subscribed at the new master", func() bool {
		return len(c.channels(t, 3, true)) == 1 && len(c.channels(t, 0, true)) == 0
	})
	e.sayAndHear(t)
	e.undisturbed(t, 0, 1, 2)
}

func TestClusterFeed_AConnectionThatIsCutConcernsItsMastersRoomsOnly(t *testing.T) {
	c := startThreeMasters(t)
	e := c.followEverywhere(t, c.store(t))
	cut := (slices.IndexFunc(c.nodes[:3], func(n *realRedisServer) bool {
		return len(c.channels(t, slices.Index(c.nodes, n), false)) > 0
	}) + 1) % 3 // not the control channel's
	node := dial(t, c.nodes[cut].addr)
	for range 5 {
		downs := len(e.sinks[cut].of(chat.KindStatus))
		must(t, node.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err())
		for range 10 {
			e.say(t, cut)
		}
		e.sinks[cut].wait(t, "down and up", func() bool { return len(e.sinks[cut].of(chat.KindStatus)) == downs+2 })
		e.sayAndHear(t)
	}
	if !upAgain(e.sinks[cut]) {
		t.Errorf("told %v", e.sinks[cut].data(chat.KindStatus))
	}
	e.undisturbed(t, (cut+1)%3, (cut+2)%3)
}

func TestClusterFeed_SaysWhenNobodyIsThere(t *testing.T) {
	addr := freeAddr(t)
	s, _ := running(t, addr+"?addr="+addr, quick())
	began := time.Now()
	if _, err := s.Follow(t.Context(), lobby, 3, newRecorder()); !errors.Is(err, chat.ErrUnavailable) || time.Since(began) > 2*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}

func TestClusterFeed_RoomsComeAndGoOnAllMasters(t *testing.T) {
	c := startThreeMasters(t)
	s := c.store(t)
	e := c.followEverywhere(t, s)
	e.sayAndHear(t)
	for i := range e.rooms {
		s.Unfollow(e.rooms[i])
	}
	links := func() int {
		s.feed.mu.Lock()
		defer s.feed.mu.Unlock()
		return len(s.feed.links) + len(s.feed.unrouted) + len(s.feed.rooms)
	}
	eventually(t, "no link is left", func() bool { return links() == 0 })
	before := runtime.NumGoroutine()
	for range 10 {
		for i := range e.rooms {
			e.follow(t, i)
		}
		e.sayAndHear(t)
		var wg sync.WaitGroup
		for w := range 40 {
			wg.Go(func() {
				room := chat.RoomID(fmt.Sprint("passing-", w))
				if _, err := s.Follow(t.Context(), room, 1, newRecorder()); err != nil {
					t.Error(err)
				}
				s.Unfollow(room)
			})
		}
		wg.Wait()
		e.sayAndHear(t)
		e.undisturbed(t, 0, 1, 2)
		for i := range e.rooms {
			s.Unfollow(e.rooms[i])
		}
	}
	eventually(t, "no link is left", func() bool { return links() == 0 })
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
	for i := range e.rooms {
		eventually(t, "no channel is left", func() bool { return len(c.channels(t, i, true)) == 0 })
	}
}
