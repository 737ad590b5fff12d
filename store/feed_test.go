package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	payload := post(text).Message.Payload()
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
