package store

import (
	"fmt"
	"testing"

	"causette/chat"
)

func TestFull_WhoLeavesIsCountedOutAndWhoComesIsCountedLater(t *testing.T) {
	s := idle(t, startRedis(t, "--maxmemory", "6mb").addr, quick())
	run(t, s)
	for i := range 20 {
		s.Join(lobby, chat.Person{ID: fmt.Sprint("p_", i), Nickname: chat.Nickname(fmt.Sprint("n", i))}, "")
	}
	count := func(want int) func() bool {
		return func() bool { n, _ := s.client.HLen(t.Context(), s.keys.roster(lobby)).Result(); return int(n) == want }
	}
	eventually(t, "all are counted", count(20))
	full := fill(t, s)
	for i := range 10 {
		s.Join(lobby, chat.Person{ID: fmt.Sprint("p_later", i)}, "")
		s.Leave(lobby, fmt.Sprint("p_", i))
	}
	eventually(t, "who left is counted out", count(10))
	if counts, _, err := s.People(t.Context(), lobby); err != nil || counts.Participants != 10 {
		t.Errorf("people: %+v, error %v", counts, err)
	}
	lease := func() float64 { return s.client.ZScore(t.Context(), s.keys.instances(lobby), s.o.Instance).Val() }
	before := lease()
	eventually(t, "the lease is renewed", func() bool { return lease() > before+float64(s.o.Lease.Milliseconds()) })
	if now := usedMemory(t, s); now > full+256<<10 {
		t.Errorf("%d bytes are used, and %d were", now, full)
	}
	empty(t, s)
	eventually(t, "who came is counted", count(20))
}
