package store

import (
	"context"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

// startCluster starts a Redis Cluster of one node: every rule about slots holds there.
func startCluster(t *testing.T) *redis.ClusterClient {
	t.Helper()
	client, _ := startClusterNode(t)
	return client
}

// startClusterNode is startCluster, with further arguments for the server.
func startClusterNode(t *testing.T, args ...string) (*redis.ClusterClient, *realRedisServer) {
	t.Helper()
	server := startRedis(t, append([]string{"--cluster-enabled", "yes"}, args...)...)
	node := dial(t, server.addr)
	if err := node.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the cluster is up", func() bool {
		return node.Set(context.Background(), "k", "v", 0).Err() == nil //nolint:usetesting // a condition
	})
	return dialURL(t, "redis://"+server.addr+"?addr="+server.addr).rest.(*redis.ClusterClient), server
}

func TestCluster_EveryCallStaysInOneSlot(t *testing.T) {
	client := startCluster(t)
	o := quick()
	o.MessageRate, o.MessageBurst, o.SessionRate = 100, 100, 10
	o.Prefix = "p:"
	ctx, cancel := context.WithCancel(t.Context())
	s, dying := New(Shared(client), o), New(Shared(client), o)
	done, died := make(chan error, 1), make(chan error, 1)
	dyingCtx, kill := context.WithCancel(ctx)
	go func() { done <- s.Run(ctx) }()
	go func() { died <- dying.Run(dyingCtx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()

	r, _ := follow(t, s, 10)
	dying.Join(lobby, bob, "")
	s.Join(lobby, ana, "")
	r.waitPresence(t, 2, 2)
	kill()
	if err := <-died; err != nil {
		t.Error(err)
	}
	r.waitNotice(t, "leave bob")
	r.waitPresence(t, 1, 1)
	sayNumbers(t, s, 0, 4)
	r.wait(t, "what is said", func() bool { return slices.Equal(r.texts(t), numbers(0, 4)) })
	if p, err := s.Before(t.Context(), lobby, chat.EventID{}, 3); err != nil || len(p.Events) != 3 {
		t.Errorf("before: %+v, %v", p, err)
	}
	if err := s.Claim(t.Context(), "p_ana", "ana"); err != nil {
		t.Error(err)
	}
	if err := s.Claim(t.Context(), "p_bob", "ana"); err == nil {
		t.Error("a taken name was given")
	}
	for who, may := range map[string]bool{"p_ana": true, "p_bob": false} {
		for _, guest := range []bool{true, false} {
			p := post("as ana")
			p.Session, p.Guest = who, guest
			if _, err := s.Append(t.Context(), p); (err == nil) != may {
				t.Errorf("%s (guest %t) speaks as ana: %v", who, guest, err)
			}
		}
	}
	if err := s.Rename(t.Context(), lobby, chat.Person{ID: "p_ana", Nickname: "bea"}, "ana"); err != nil {
		t.Error(err)
	}
	if err := s.AllowSession(t.Context(), "192.0.2.1"); err != nil {
		t.Error(err)
	}
	if _, err := s.Secret(t.Context()); err != nil {
		t.Error(err)
	}
	if _, people, err := s.People(t.Context(), lobby); err != nil || len(people) != 1 || people[0].Nickname != "bea" {
		t.Errorf("people: %+v, %v", people, err)
	}
	eventually(t, "the room is listed", func() bool {
		rooms, err := s.Rooms(t.Context(), 10)
		return err == nil && len(rooms) == 1 && rooms[0].Participants == 1
	})
}
