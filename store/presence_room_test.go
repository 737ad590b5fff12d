package store

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

func TestHeld_IsSmall(t *testing.T) {
	if size := unsafe.Sizeof(held{}); size > 16 {
		t.Errorf("a session without a nickname takes %d bytes", size)
	}
}

// Who is on the way to Redis is known without counting, whatever happens in
// whatever order.
func TestPresenceRoom_KnowsHowManyAreComing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	r := newPresenceRoom()
	var telling []change
	for step := range 20_000 {
		id := fmt.Sprint(rng.IntN(40))
		h := r.sessions[id]
		if h == nil {
			h = new(held)
			r.sessions[id] = h
		}
		switch rng.IntN(7) {
		case 0, 1:
			r.alter(h, func(h *held) { h.streams++ })
		case 2, 3:
			r.alter(h, func(h *held) { h.streams -= min(1, h.streams) })
		case 4:
			r.alter(h, func(h *held) { h.rename(chat.Nickname(fmt.Sprint("n", rng.IntN(3))), h.called().now) })
		case 5:
			r.done(telling)
			telling = r.changes(10)
		default:
			if rng.IntN(20) == 0 {
				r.forgotten()
			}
		}
		r.dirty[id] = struct{}{}
		var coming chat.Presence
		for _, h := range r.sessions {
			if h.op() == "join" {
				coming.Participants++
				if h.called().now != "" {
					coming.Named++
				}
			}
		}
		if coming != r.participants() {
			t.Fatalf("step %d: %+v are coming, %+v counted", step, coming, r.participants())
		}
	}
}

// answered has a telling answered with as many people, that are known here or not. What
// the script leaves unsaid has to wait.
func answered(t testing.TB, s *Store, telling *telling, people int, known bool, wait time.Duration) *presenceRoom {
	t.Helper()
	registered := int64(0)
	if known {
		registered = 1
	}
	telling.cmd = redis.NewCmd(t.Context())
	telling.cmd.SetVal([]any{int64(people), int64(people), registered, int64(0), wait.Milliseconds()})
	s.presence.told(t.Context(), telling)
	return s.presence.rooms[lobby]
}

// tell has the room told of, as far as this process is concerned. meanwhile comes before
// the answer.
func tell(t testing.TB, s *Store, wait time.Duration, meanwhile func()) *presenceRoom {
	t.Helper()
	telling := s.presence.prepare(lobby)
	meanwhile()
	return answered(t, s, telling, 1, true, wait)
}

func TestPresenceRoom_ComesAgainForWhatWasLeftUnsaid(t *testing.T) {
	s := idle(t, "127.0.0.1:1", quick()) // nobody is asked
	s.presence.follow(newFeedRoom(lobby, 0, 0, newRecorder()))
	s.Join(lobby, ana, "")

	r := tell(t, s, 100*time.Millisecond, func() {})
	if at, ok := r.due(); !ok || at.Before(r.next) || at.Before(r.unsaid) || r.unsaid.After(r.renew) {
		t.Errorf("due at %s, %t; unsaid until %s", at, ok, r.unsaid)
	}
	if r := tell(t, s, time.Hour, func() {}); !r.unsaid.Equal(r.renew) {
		t.Errorf("to wait until %s, not for the renewal at %s", r.unsaid, r.renew)
	}
	delete(r.sessions, ana.ID)
	if _, ok := r.due(); !ok {
		t.Error("what is unsaid is forgotten with the last session here")
	}
	if s.presence.unfollow(lobby); s.presence.rooms[lobby] == nil {
		t.Error("or with the last reader")
	}
	if tell(t, s, 0, func() {}); len(s.presence.rooms) != 0 {
		t.Error("what was said is not forgotten")
	}
}

// A process may be stopped again before it has the answer to what it told when it woke.
func TestPresenceRoom_KnowsThatItSleptWhileItWasTold(t *testing.T) {
	s := idle(t, "127.0.0.1:1", quick())
	s.Join(lobby, ana, "")
	sleep := func() { s.presence.awake = time.Now().Add(-s.o.Lease) }
	sleep()
	s.presence.stir()
	if r := tell(t, s, 0, sleep); !r.asleep {
		t.Error("the second sleep is forgotten")
	}
	if r := tell(t, s, 0, func() {}); r.asleep {
		t.Error("a sleep that Redis was told after is not")
	}
}
