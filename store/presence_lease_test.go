package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"causette/chat"
)

func TestPresence_WhoeverWasHeldByADeadInstanceLeavesWithinALease(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		a, b, ra, rb, stopA := twoInstances(t, addr, quick())
		a.Join(lobby, ana, "")
		a.Join(lobby, eve, "")
		a.Join(lobby, bob, "")
		b.Join(lobby, bob, "") // held by both: does not leave
		ra.waitPresence(t, 3, 2)
		rb.waitPresence(t, 3, 2)
		began := time.Now()
		stopA() // as if killed: it tells nobody
		rb.waitNotice(t, "leave ana")
		rb.waitPresence(t, 1, 1)
		if took := time.Since(began); took > 2*b.o.Lease {
			t.Errorf("it took %s, the lease is %s", took, b.o.Lease)
		}
		if got := sorted(rb.notices(t)); !slices.Equal(got, []string{"join ana", "join bob", "leave ana"}) {
			t.Errorf("notices %q", got)
		}
	})
}

func TestPresence_WhoeverComesBackElsewhereInTimeNeverLeft(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		a, b, ra, rb, stopA := twoInstances(t, addr, quick())
		a.Join(lobby, ana, "")
		b.Join(lobby, bob, "")
		ra.waitPresence(t, 2, 2)
		rb.waitPresence(t, 2, 2)
		stopA()
		b.Join(lobby, ana, "")
		eventually(t, "the dead instance is buried", func() bool {
			return b.client.ZCard(t.Context(), b.keys.instances(lobby)).Val() == 1
		})
		b.Join(lobby, eve, "")
		rb.waitPresence(t, 3, 2)
		if got := sorted(rb.notices(t)); !slices.Equal(got, []string{"join ana", "join bob"}) {
			t.Errorf("notices %q", got)
		}
	})
}

func TestPresence_BuriesMoreSessionsThanOneRunTakes(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.NoticeLimit = 0
		a, b, _, rb, stopA := twoInstances(t, addr, o)
		b.Join(lobby, bob, "")
		for i := range 3 * maxChanges {
			a.Join(lobby, chat.Person{ID: fmt.Sprint("p_", i)}, "")
		}
		rb.waitPresence(t, 3*maxChanges+1, 1)
		stopA()
		rb.waitPresence(t, 1, 1)
	})
}

func TestPresence_EveryoneIsRegisteredAgainIfRedisLosesItsData(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		a, b, ra, rb, _ := twoInstances(t, addr, quick())
		a.Join(lobby, ana, "")
		b.Join(lobby, bob, "")
		b.Join(lobby, eve, "")
		ra.waitPresence(t, 3, 2)
		rb.waitPresence(t, 3, 2)
		ra.wait(t, "both notices", func() bool { return len(ra.notices(t)) == 2 })
		if err := a.client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "everyone is counted again", func() bool {
			return a.client.HLen(t.Context(), a.keys.roster(lobby)).Val() == 3
		})
		ra.waitPresence(t, 3, 2)
		if got := ra.notices(t); len(got) != 2 {
			t.Errorf("notices %q", got)
		}
	})
}

func TestPresence_IsToldOnceRedisIsBack(t *testing.T) {
	server := startRedis(t)
	s, _ := running(t, server.addr, quick())
	r, _ := follow(t, s, 0)
	s.Join(lobby, ana, "")
	r.waitPresence(t, 1, 1)
	server.kill()
	r.wait(t, "down", func() bool { return len(r.data(chat.KindStatus)) == 1 })
	s.Leave(lobby, ana.ID)
	s.Join(lobby, bob, "")
	s.Join(lobby, eve, "")
	if got := s.Participants(lobby); got.Participants < 2 {
		t.Errorf("while redis is away: %+v", got)
	}
	server.start(t)
	r.waitPresence(t, 2, 1)
}

func TestPresence_KeysExpireWhenNobodyRenewsThem(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		r, _ := follow(t, s, 0)
		s.Join(lobby, ana, "")
		r.waitPresence(t, 1, 1)
		for _, key := range []string{
			s.keys.instances(lobby), s.keys.here(lobby, s.o.Instance), s.keys.roster(lobby), s.keys.named(lobby), s.keys.told(lobby),
		} {
			if ttl := s.client.PTTL(t.Context(), key).Val(); ttl <= s.o.Lease || ttl > 6*s.o.Lease {
				t.Errorf("%s lives %s", key, ttl)
			}
		}
	})
}
