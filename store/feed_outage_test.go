package store

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"causette/chat"
)

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
		pubsub := s.feed.control.session.pubsub
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
	payload := post("new").Message.Payload()
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

func TestFeed_ALogLostUnderAnUnbrokenSubscriptionIsReplaced(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		r, _ := follow(t, s, 3)
		sayNumbers(t, s, 0, 1)
		last := say(t, s, "2")
		r.wait(t, "what is said before", func() bool { return len(r.texts(t)) == 3 })
		if err := s.client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a millisecond passes", func() bool { return time.Now().UnixMilli() > last.ID.Epoch })
		sayNumbers(t, s, 3, 5)
		want := append(append(numbers(0, 2), "<replace>"), numbers(3, 5)...)
		r.wait(t, "both logs", func() bool { return slices.Equal(r.texts(t), want) })
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
		session := s.feed.control.session
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
