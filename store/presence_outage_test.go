package store

import (
	"bytes"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

// An outage outlasts every lease: whoever of the living is back first must not
// bury the others.
func TestPresence_AnOutageBuriesNobody(t *testing.T) {
	server := startRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	a, b, ra, rb, _ := twoInstances(t, server.addr, quick())
	a.Join(lobby, ana, "")
	b.Join(lobby, bob, "")
	ra.waitPresence(t, 2, 2)
	rb.waitPresence(t, 2, 2)
	server.kill()
	time.Sleep(2 * a.o.Lease) // the outage itself, not a wait for anything
	server.start(t)
	eventually(t, "both leases hold", func() bool {
		now := float64(time.Now().UnixMilli())
		leases := a.client.ZRangeWithScores(t.Context(), a.keys.instances(lobby), 0, -1).Val()
		return len(leases) == 2 && !slices.ContainsFunc(leases, func(z redis.Z) bool {
			return z.Score <= now || z.Score != float64(int64(z.Score))
		})
	})
	counts, _, err := a.People(t.Context(), lobby)
	if err != nil || counts != (chat.Presence{Participants: 2, Named: 2}) {
		t.Errorf("counts %+v, error %v", counts, err)
	}
	for _, r := range []*recorder{ra, rb} {
		if got := sorted(r.notices(t)); slices.ContainsFunc(got, func(s string) bool { return s[:5] == "leave" }) {
			t.Errorf("notices %q", got)
		}
	}
}

// An instance that was held for dead, and buried in part, registers all of its
// sessions again, not only those that were buried.
func TestPresence_APartlyBuriedInstanceIsCountedWhole(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		const sessions = 2*maxChanges + 200
		o := quick()
		o.Lease, o.NoticeLimit = time.Minute, 0 // nothing is renewed by itself during the test
		a, b, _, rb, _ := twoInstances(t, addr, o)
		b.Join(lobby, bob, "")
		for i := range sessions {
			a.Join(lobby, chat.Person{ID: fmt.Sprint("p_", i)}, "")
		}
		rb.waitPresence(t, sessions+1, 1)
		expired := redis.Z{Score: 0, Member: a.o.Instance}
		if err := a.client.ZAdd(t.Context(), a.keys.instances(lobby), expired).Err(); err != nil {
			t.Fatal(err)
		}
		if counts, _, err := b.People(t.Context(), lobby); err != nil || counts.Participants != sessions+1-maxChanges {
			t.Fatalf("after one look: %+v, error %v", counts, err)
		}
		a.Join(lobby, eve, "") // a is back
		eventually(t, "everybody is counted", func() bool {
			counts, _, err := b.People(t.Context(), lobby)
			return err == nil && counts.Participants == sessions+2
		})
	})
}

// Whoever was held by a process that slept is announced as gone, and as back.
func TestPresence_AnInstanceThatSleptPastItsLeaseIsBackAndSaysSo(t *testing.T) {
	server := startRedis(t)
	s, _ := running(t, server.addr, quick())
	r, _ := follow(t, s, 0)
	s.Join(lobby, bob, "")
	other := startInstance(t, server.addr)
	r.waitPresence(t, 2, 2)
	for range 2 {
		if err := other.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		r.waitPresence(t, 1, 1)
		if err := other.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		r.waitPresence(t, 2, 2)
	}
	want := []string{"join bob", "join ana", "leave ana", "join ana", "leave ana", "join ana"}
	r.wait(t, "all notices", func() bool { return len(r.notices(t)) >= len(want) })
	if got := r.notices(t); !slices.Equal(got, want) {
		t.Errorf("notices %q", got)
	}
}

// Instances that start after Redis lost its data sign as those before.
func TestSecret_IsGivenBackToARedisThatLostIt(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		before, err := s.Secret(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		follow(t, s, 0) // the feed is connected
		s.client.FlushAll(t.Context())
		s.feed.mu.Lock()
		pubsub := s.feed.control.session.pubsub
		s.feed.mu.Unlock()
		// The feed takes an unexpected confirmation for another connection.
		if err := pubsub.Subscribe(t.Context(), s.keys.channel(lobby)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the secret is back", func() bool {
			return s.client.Exists(t.Context(), s.keys.secret()).Val() == 1
		})
		if after, err := idle(t, addr, quick()).Secret(t.Context()); err != nil || !bytes.Equal(after, before) {
			t.Errorf("another secret: error %v", err)
		}
	})
}
