package store

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

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
