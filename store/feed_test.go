package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"causette/chat"
)

func TestFeed_LoadsTheEndOfTheLogAndThenHandsOnWhatIsSaid(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		writer := idle(t, addr, quick())
		ids := sayNumbers(t, writer, 0, 9)
		s, _ := running(t, addr, quick())
		r, head := follow(t, s, 4)
		if head != ids[9] || !slices.Equal(r.texts(t), numbers(6, 9)) {
			t.Fatalf("head %s, got %v", head, r.texts(t))
		}
		sayNumbers(t, writer, 10, 30)
		r.wait(t, "all messages", func() bool { return slices.Equal(r.texts(t), numbers(6, 30)) })
		contiguous(t, r.of(chat.KindMessage))
	})
}

func TestFeed_LoadsNothingOfAnEmptyLogOrWhereNothingIsWanted(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		r, head := follow(t, s, 50)
		if !head.IsZero() || len(r.of(chat.KindMessage)) > 0 {
			t.Errorf("empty log: head %s, got%s", head, summary(r.all()))
		}
		last := sayNumbers(t, s, 0, 4)[4]
		r.wait(t, "what is said", func() bool { return slices.Equal(r.texts(t), numbers(0, 4)) })
		s.Unfollow(lobby)
		r, head = follow(t, s, 0)
		if head != last || len(r.of(chat.KindMessage)) > 0 {
			t.Errorf("load 0: head %s, got%s", head, summary(r.all()))
		}
	})
}

func TestFeed_LoadsMoreThanOnePage(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		sayNumbers(t, s, 0, 2*MaxPage+9)
		r, _ := follow(t, s, 2*MaxPage+5)
		if got := r.texts(t); !slices.Equal(got, numbers(5, 2*MaxPage+9)) {
			t.Errorf("got %d, the first %q", len(got), got[0])
		}
	})
}

func TestFeed_FillsAHoleFromTheStream(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		sayNumbers(t, s, 0, 0)
		r, head := follow(t, s, 10)
		for i := 1; i <= 3; i++ { // stored, but the announcement is lost
			addUnannounced(t, s, chat.EventID{Epoch: head.Epoch, Seq: int64(i)}, fmt.Sprint(i))
		}
		say(t, s, "4")
		r.wait(t, "the hole filled", func() bool { return len(r.texts(t)) >= 5 })
		if got := r.texts(t); !slices.Equal(got, numbers(0, 4)) {
			t.Errorf("got %v", got)
		}
	})
}

// addUnannounced does what append.lua does, but for the PUBLISH.
func addUnannounced(t *testing.T, s *Store, id chat.EventID, text string) {
	t.Helper()
	payload, err := post(text).Message.Payload()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.client.Do(t.Context(), "XADD", s.keys.log(lobby), id.String(), "e", payload).Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.client.HSet(t.Context(), s.keys.head(lobby), "epoch", id.Epoch, "next", id.Seq+1).Err(); err != nil {
		t.Fatal(err)
	}
}

func TestFeed_HandsOnWhatIsLiveOnly(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		r, _ := follow(t, s, 10)
		data := `{"who":{"id":"p_ana","nickname":"ana\nb"}}`
		if err := s.PublishLive(t.Context(), lobby, chat.Event{Kind: chat.KindTyping, Data: []byte(data)}); err != nil {
			t.Fatal(err)
		}
		r.wait(t, "typing", func() bool { return slices.Equal(r.data(chat.KindTyping), []string{data}) })
	})
}

func TestFeed_GoesOnFollowingAfterUnfollowAndFollowInQuickSuccession(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		writer := idle(t, addr, quick())
		said := 0
		for range 50 {
			r, _ := follow(t, s, 0)
			sayNumbers(t, writer, said, said)
			want := numbers(said, said)
			r.wait(t, "what was said", func() bool { return slices.Equal(r.texts(t), want) })
			said++
			s.Unfollow(lobby)
		}
		r, _ := follow(t, s, 0)
		sayNumbers(t, writer, said, said+20)
		r.wait(t, "what was said", func() bool { return slices.Equal(r.texts(t), numbers(said, said+20)) })
	})
}

func TestFeed_TellsNobodyAfterUnfollow(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		r, _ := follow(t, s, 0)
		s.Unfollow(lobby)
		s.Unfollow(lobby) // once more changes nothing
		before := len(r.all())
		other := newRecorder()
		if _, err := s.Follow(t.Context(), "other", 0, other); err != nil {
			t.Fatal(err)
		}
		say(t, s, "unheard")
		if err := s.PublishLive(t.Context(), "other", chat.Event{Kind: chat.KindTyping, Data: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
		other.wait(t, "what is said after it", func() bool { return len(other.of(chat.KindTyping)) == 1 })
		if got := r.all(); len(got) > before {
			t.Errorf("got%s", summary(got))
		}
	})
}

func TestFeed_FollowsManyRoomsAtOnce(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.Timeout = 4 * time.Second // a busy machine is not what is tested
		s, _ := running(t, addr, o)
		const rooms = 1000
		var wg sync.WaitGroup
		sinks := make([]*recorder, rooms)
		for i := range rooms {
			sinks[i] = newRecorder()
			wg.Go(func() {
				if _, err := s.Follow(t.Context(), chat.RoomID(fmt.Sprint("room-", i)), 10, sinks[i]); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, i := range []int{0, rooms / 2, rooms - 1} {
			p := post("salut")
			p.Room = chat.RoomID(fmt.Sprint("room-", i))
			if _, err := s.Append(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			sinks[i].wait(t, "what is said there", func() bool { return len(sinks[i].of(chat.KindMessage)) == 1 })
		}
	})
}

func TestFeed_AConnectionThatIsCutLosesNothing(t *testing.T) {
	server := startRedis(t)
	s, _ := running(t, server.addr, quick())
	writer := idle(t, server.addr, quick())
	r, _ := follow(t, s, 10)
	for i := range 300 {
		if i%60 == 30 {
			if err := writer.client.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err(); err != nil {
				t.Fatal(err)
			}
		}
		sayNumbers(t, writer, i, i)
	}
	r.wait(t, "all messages", func() bool { return len(r.of(chat.KindMessage)) >= 300 })
	if got := r.texts(t); !slices.Equal(got, numbers(0, 299)) {
		t.Errorf("got %d: %v", len(got), got)
	}
	r.wait(t, "up again", func() bool { return upAgain(r) })
}

// upAgain reports whether the last that was heard of Redis is that it is up,
// having been down.
func upAgain(r *recorder) bool {
	said := r.data(chat.KindStatus)
	return len(said) > 1 && len(said)%2 == 0 && said[len(said)-1] == string(statusUp.Data)
}

func TestFeed_NoticesAConnectionThatWasReplacedBehindItsBack(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		r, _ := follow(t, s, 10)
		say(t, s, "0")
		r.wait(t, "the first", func() bool { return len(r.texts(t)) == 1 })
		head := r.of(chat.KindMessage)[0].ID
		s.feed.mu.Lock()
		pubsub := s.feed.session.pubsub
		s.feed.mu.Unlock()
		addUnannounced(t, s, chat.EventID{Epoch: head.Epoch, Seq: 1}, "1")
		// What a hidden reconnection looks like: channels are confirmed again.
		if err := pubsub.Subscribe(t.Context(), s.keys.channel(lobby)); err != nil {
			t.Fatal(err)
		}
		r.wait(t, "what was missed", func() bool { return slices.Equal(r.texts(t), numbers(0, 1)) })
		r.wait(t, "up again", func() bool { return upAgain(r) })
	})
}

func TestFeed_RedisKilledAndBackWithItsDataLosesAndDoublesNothing(t *testing.T) {
	server := startRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	s, _ := running(t, server.addr, quick())
	r, _ := follow(t, s, 10)
	sayNumbers(t, s, 0, 9)
	r.wait(t, "what is said before", func() bool { return len(r.texts(t)) == 10 })
	server.kill()
	r.wait(t, "down", func() bool { return slices.Equal(r.data(chat.KindStatus), []string{string(statusDown.Data)}) })
	eventually(t, "not ready", func() bool { return s.Ready() != nil })
	began := time.Now()
	if _, err := s.Follow(t.Context(), "other", 10, newRecorder()); !errors.Is(err, chat.ErrUnavailable) || time.Since(began) > time.Second {
		t.Errorf("follow took %s: %v", time.Since(began), err)
	}
	if _, err := s.Append(t.Context(), post("lost")); !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("append: %v", err)
	}
	server.start(t)
	eventually(t, "redis takes posts again", func() bool { return s.Ready() == nil })
	sayNumbers(t, s, 10, 19)
	r.wait(t, "up, and what is said after", func() bool { return upAgain(r) && len(r.texts(t)) >= 20 })
	if got := r.texts(t); !slices.Equal(got, numbers(0, 19)) {
		t.Errorf("got %v", got)
	}
	contiguous(t, r.of(chat.KindMessage))
}

func TestFeed_ALostLogIsReplaced(t *testing.T) {
	server := startRedis(t)
	s, _ := running(t, server.addr, quick())
	r, _ := follow(t, s, 10)
	sayNumbers(t, s, 0, 4)
	r.wait(t, "what is said before", func() bool { return len(r.texts(t)) == 5 })
	server.kill() // without persistence: nothing is left
	r.wait(t, "down", func() bool { return len(r.data(chat.KindStatus)) == 1 })
	server.start(t)
	r.wait(t, "up", func() bool { return upAgain(r) })
	eventually(t, "redis takes posts again", func() bool { return s.Ready() == nil })
	sayNumbers(t, s, 5, 6)
	r.wait(t, "what is said after", func() bool { return len(r.texts(t)) == 8 })
	if got := r.texts(t); !slices.Equal(got, append(append(numbers(0, 4), "<replace>"), numbers(5, 6)...)) {
		t.Errorf("got %v", got)
	}
}

func TestFeed_AnotherEpochAfterAnInterruptionIsReplaced(t *testing.T) {
	server := startRedis(t)
	s, _ := running(t, server.addr, quick())
	writer := idle(t, server.addr, quick())
	r, _ := follow(t, s, 10)
	sayNumbers(t, writer, 0, 4)
	r.wait(t, "what is said before", func() bool { return len(r.texts(t)) == 5 })
	// In one transaction, so that nothing of it is heard before the cut.
	pipe := writer.client.TxPipeline()
	pipe.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub")
	pipe.FlushAll(t.Context())
	payload, _ := post("new").Message.Payload()
	for i := range 8 {
		pipe.Do(t.Context(), "XADD", s.keys.log(lobby), fmt.Sprintf("99-%d", i), "e", payload)
	}
	pipe.HSet(t.Context(), s.keys.head(lobby), "epoch", 99, "next", 8)
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := append(append(numbers(0, 4), "<replace>"), slices.Repeat([]string{"new"}, 8)...)
	r.wait(t, "the new log", func() bool { return len(r.texts(t)) == len(want) })
	if got := r.texts(t); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestFeed_AFillThatComesTooLateIsAReplace(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		say(t, s, "0")
		r, head := follow(t, s, 3)
		for i := 1; i <= 9; i++ {
			addUnannounced(t, s, chat.EventID{Epoch: head.Epoch, Seq: int64(i)}, fmt.Sprint(i))
		}
		if err := s.client.XTrimMaxLen(t.Context(), s.keys.log(lobby), 5).Err(); err != nil {
			t.Fatal(err)
		}
		say(t, s, "10")
		want := []string{"0", "<replace>", "8", "9", "10"}
		r.wait(t, "the end of the log", func() bool { return len(r.texts(t)) >= len(want) })
		if got := r.texts(t); !slices.Equal(got, want) {
			t.Errorf("got %v", got)
		}
	})
}

func TestFeed_ANewLogOnAnUnbrokenSubscriptionGoesOn(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		r, _ := follow(t, s, 3)
		sayNumbers(t, s, 0, 1)
		last := say(t, s, "2")
		if err := s.client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a millisecond passes", func() bool { return time.Now().UnixMilli() > last.ID.Epoch })
		sayNumbers(t, s, 3, 5)
		r.wait(t, "both logs", func() bool { return slices.Equal(r.texts(t), numbers(0, 5)) })
	})
}

func TestFeed_AConnectionThatFallsSilentIsGivenUp(t *testing.T) {
	server := startRedis(t)
	o := quick()
	o.PingEvery = 200 * time.Millisecond
	s, _ := running(t, server.addr, o)
	r, _ := follow(t, s, 3)
	server.freeze(t)
	r.wait(t, "down", func() bool { return len(r.data(chat.KindStatus)) == 1 })
	server.thaw(t)
	r.wait(t, "up", func() bool { return upAgain(r) })
	say(t, s, "salut")
	r.wait(t, "what is said after", func() bool { return len(r.texts(t)) == 1 })
}

func TestFeed_AnIdleConnectionIsKept(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.PingEvery = 800 * time.Millisecond
		s, _ := running(t, addr, o)
		r, _ := follow(t, s, 3)
		s.feed.mu.Lock()
		session := s.feed.session
		s.feed.mu.Unlock()
		began := session.heard.Load()
		eventually(t, "several pings are answered", func() bool {
			return time.Duration(session.heard.Load()-began) > 2*o.PingEvery
		})
		if got := r.data(chat.KindStatus); len(got) > 0 {
			t.Errorf("got %v", got)
		}
	})
}

func TestFollow_SaysWhenNobodyIsThere(t *testing.T) {
	s, _ := running(t, freeAddr(t), quick())
	began := time.Now()
	if _, err := s.Follow(t.Context(), lobby, 3, newRecorder()); !errors.Is(err, chat.ErrUnavailable) || time.Since(began) > 2*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}

func TestFollow_ObeysItsCaller(t *testing.T) {
	s := idle(t, freeAddr(t), quick()) // it does not run, so nobody answers
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := s.Follow(ctx, lobby, 3, newRecorder()); !errors.Is(err, chat.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := s.Follow(ctx, lobby, 3, newRecorder()); !errors.Is(err, context.Canceled) || errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestFollow_RefusesARoomThatIsFollowed(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		r, _ := follow(t, s, 3)
		if _, err := s.Follow(t.Context(), lobby, 3, newRecorder()); err == nil {
			t.Error("a second sink was taken")
		}
		say(t, s, "salut")
		r.wait(t, "the first goes on", func() bool { return len(r.texts(t)) == 1 })
	})
}

func TestFeed_StopsWithoutAWordToItsRooms(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, stop := running(t, addr, quick())
		r, _ := follow(t, s, 3)
		stop()
		if got := r.data(chat.KindStatus); len(got) > 0 {
			t.Errorf("got %q", got)
		}
	})
}

func TestKeys_OfARoomShareItsHashTagAndComeAfterThePrefix(t *testing.T) {
	k := keys{"pre:"}
	for _, key := range []string{
		k.channel(lobby), k.head(lobby), k.log(lobby), k.nonce(lobby, "p", "n"), k.rate(lobby, "p"),
		k.instances(lobby), k.here(lobby, "i"), k.roster(lobby), k.named(lobby),
	} {
		if !strings.HasPrefix(key, "pre:chat:{lobby}") {
			t.Error(key)
		}
	}
	for _, key := range []string{k.rooms(), k.secret(), k.control(), k.name("ana"), k.address("::1")} {
		if !strings.HasPrefix(key, "pre:chat:") {
			t.Error(key)
		}
		if room, ok := k.roomOf(key); ok {
			t.Errorf("%s is taken for the channel of %s", key, room)
		}
	}
	if room, ok := k.roomOf(k.channel(lobby)); !ok || room != lobby {
		t.Error(room, ok)
	}
}
