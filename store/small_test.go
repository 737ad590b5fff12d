package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

func TestSecret_IsMadeOnceHoweverManyAsk(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		var mu sync.Mutex
		var secrets [][]byte
		var wg sync.WaitGroup
		for range 8 {
			s := idle(t, addr, quick())
			wg.Go(func() {
				secret, err := s.Secret(t.Context())
				if err != nil || len(secret) != secretBytes {
					t.Errorf("%d bytes, error %v", len(secret), err)
				}
				mu.Lock()
				defer mu.Unlock()
				secrets = append(secrets, secret)
			})
		}
		wg.Wait()
		for _, secret := range secrets {
			if !bytes.Equal(secret, secrets[0]) {
				t.Error("two secrets")
			}
		}
	})
}

func TestSecret_RefusesWhatIsNone(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		if err := s.client.Set(t.Context(), s.keys.secret(), "short", 0).Err(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Secret(t.Context()); err == nil || strings.Contains(err.Error(), "short") {
			t.Errorf("%v", err)
		}
	})
}

func TestAllowSession_HoldsPerAddressOverAllInstances(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.SessionRate = 4
		stores := []*Store{idle(t, addr, o), idle(t, addr, o)}
		for i := range 4 {
			if err := stores[i%2].AllowSession(t.Context(), "192.0.2.1"); err != nil {
				t.Fatalf("session %d: %v", i, err)
			}
		}
		err := stores[0].AllowSession(t.Context(), "192.0.2.1")
		if limited, ok := errors.AsType[*chat.RateLimited](err); !ok || limited.RetryAfter <= 0 || limited.RetryAfter > 15*time.Second {
			t.Errorf("the fifth: %v", err)
		}
		if err := stores[0].AllowSession(t.Context(), "192.0.2.2"); err != nil {
			t.Errorf("another address: %v", err)
		}
		if err := idle(t, addr, quick()).AllowSession(t.Context(), "192.0.2.1"); err != nil {
			t.Errorf("no limit: %v", err)
		}
	})
}

func TestRooms_ListsTheLiveliestFirst(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		eventually(t, "redis answers", s.Up)
		now := time.Now().Truncate(time.Millisecond)
		var last chat.EventID
		for i, room := range []chat.RoomID{"quiet", "busy", "old"} {
			p := post("salut")
			p.Room = room
			p.Message.At.Time = now.Add(map[int]time.Duration{0: 1, 1: 2, 2: 0}[i] * time.Second)
			receipt, err := s.Append(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			if room == "busy" {
				last = receipt.Message.ID
			}
		}
		var rooms []RoomInfo
		eventually(t, "the list is written", func() bool {
			var err error
			rooms, err = s.Rooms(t.Context(), 2)
			return err == nil && len(rooms) == 2
		})
		want := RoomInfo{Room: "busy", LastID: last, At: now.Add(2 * time.Second).UTC()}
		if rooms[0] != want || rooms[1].Room != "quiet" {
			t.Errorf("%+v", rooms)
		}
		if none, err := s.Rooms(t.Context(), 0); err != nil || len(none) > 0 {
			t.Errorf("none: %+v, %v", none, err)
		}
	})
}

func TestRooms_ForgetsWhatIsNoMore(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		s.health.set(nil)
		s.writeRooms(t.Context(), map[chat.RoomID]time.Time{"gone": time.Now()}, nil)
		if rooms, err := s.Rooms(t.Context(), 10); err != nil || len(rooms) > 0 {
			t.Errorf("%+v, %v", rooms, err)
		}
	})
}

func TestActiveRooms_AreBounded(t *testing.T) {
	a := newActiveRooms()
	for i := range maxRooms + 10 {
		a.touch(chat.RoomID(fmt.Sprint(i)), time.UnixMilli(int64(i)+1), "")
	}
	a.touch("0", time.UnixMilli(99), "")
	a.touch("0", time.UnixMilli(5), "")
	got := a.take().said
	if again := a.take().said; len(got) != maxRooms || !got["0"].Equal(time.UnixMilli(99)) || len(again) > 0 {
		t.Errorf("%d rooms, the first at %s", len(got), got["0"])
	}
}

func TestActiveRooms_TellSoManyAddressesApart(t *testing.T) {
	a := newActiveRooms()
	for i := range maxNoted {
		room := chat.RoomID(fmt.Sprint(i % (2 * maxRooms)))
		a.touch(room, time.UnixMilli(1), fmt.Sprint("a", i))
		a.arrive(room, time.UnixMilli(1), fmt.Sprint("b", i))
		a.arrive("come"+room, time.UnixMilli(1), fmt.Sprint("c", i))
	}
	last, noted := a.take(), 0
	for room, from := range last.from {
		noted += len(from)
		if last.said[room].IsZero() && last.came[room].IsZero() {
			t.Fatalf("%s has addresses, and nothing happened there", room)
		}
	}
	if noted != maxNoted || len(last.said) != maxRooms || len(last.came) != maxRooms {
		t.Errorf("%d addresses; something was said in %d rooms, somebody came to %d", noted, len(last.said), len(last.came))
	}
}

func TestReady_FollowsRedis(t *testing.T) {
	server := startRedis(t)
	s, _ := running(t, server.addr, quick())
	eventually(t, "ready", func() bool { return s.Ready() == nil && s.Up() })
	server.kill()
	eventually(t, "not ready", func() bool { return errors.Is(s.Ready(), chat.ErrUnavailable) && !s.Up() })
	server.start(t)
	eventually(t, "ready again", s.Up)
}

func TestCollector_TellsWhetherRedisIsUp(t *testing.T) {
	s, _ := running(t, startRedis(t).addr, quick())
	eventually(t, "ready", s.Up)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(s.Collector())
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == "causette_redis_up" })
	if i < 0 || families[i].GetMetric()[0].GetGauge().GetValue() != 1 {
		t.Errorf("%v", families)
	}
}

func TestDial_ReadsEveryKindOfURL(t *testing.T) {
	for url, kind := range map[string]string{
		"redis://user:pw@127.0.0.1:6390/2":                              "*redis.Client",
		"rediss://127.0.0.1:6390":                                       "*redis.Client",
		"redis://127.0.0.1:6390?addr=127.0.0.1:6391":                    "*redis.ClusterClient",
		"redis://127.0.0.1:6390?master_name=m&addr=127.0.0.1:6391&db=0": "*redis.Client",
		"http://127.0.0.1":                                              "",
		"redis://127.0.0.1:6390?nonsense=1":                             "",
		"redis://127.0.0.1:6390?master_name=m&replica_only=true":        "",
		"redis://127.0.0.1:6390?master_name=m&route_by_latency=true":    "",
		"redis://127.0.0.1:6390?addr=127.0.0.1:6391&read_only=true":     "",
		"redis://127.0.0.1:6390?addr=127.0.0.1:6391&route_randomly=1":   "",
	} {
		client, err := Dial(url)
		if kind == "" {
			if err == nil {
				t.Errorf("%s: no error", url)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: error %v", url, err)
			continue
		}
		for _, c := range []redis.UniversalClient{client.posts, client.health, client.rest} {
			if got := fmt.Sprintf("%T", c); got != kind {
				t.Errorf("%s: %s, want %s", url, got, kind)
			}
		}
		New(client, quick())
		_ = client.Close()
	}
}
