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

func TestAppend_GivesIdsWithoutHoleInTheOrderOfTheLog(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		stores := []*Store{idle(t, addr, quick()), idle(t, addr, quick())}
		var mu sync.Mutex
		said := map[chat.EventID]string{}
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := range 25 {
					receipt, err := stores[w%2].Append(t.Context(), post(fmt.Sprintf("%d/%d", w, i)))
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					said[receipt.Message.ID] = string(receipt.Message.Text)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		page, err := stores[0].After(t.Context(), lobby, chat.EventID{}, MaxPage)
		if err != nil || len(page.Events) != 200 || len(said) != 200 {
			t.Fatalf("%d events and %d ids, error %v", len(page.Events), len(said), err)
		}
		contiguous(t, page.Events)
		if page.Events[0].ID.Seq != 0 {
			t.Errorf("the log starts at %s", page.Events[0].ID)
		}
		for _, e := range page.Events {
			if said[e.ID] != textOf(t, e) {
				t.Errorf("%s is %q in the log, %q in its receipt", e.ID, textOf(t, e), said[e.ID])
			}
		}
	})
}

func TestAppend_TheSameNonceAtOnceOnTwoInstancesIsOneMessage(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		stores := []*Store{idle(t, addr, quick()), idle(t, addr, quick())}
		var mu sync.Mutex
		var receipts []Receipt
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				p := post("salut")
				p.Nonce, p.Message.Nonce = "n1", "n1"
				receipt, err := stores[i%2].Append(t.Context(), p)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				receipts = append(receipts, receipt)
				mu.Unlock()
			})
		}
		wg.Wait()
		first := 0
		for _, r := range receipts {
			if !r.Duplicate {
				first++
			}
			if r.Message.ID != receipts[0].Message.ID || r.Message.Text != "salut" || r.Message.Nonce != "n1" {
				t.Errorf("receipt %+v", r)
			}
		}
		page, err := stores[0].After(t.Context(), lobby, chat.EventID{}, 10)
		if err != nil || first != 1 || len(page.Events) != 1 {
			t.Errorf("%d accepted, %d in the log, error %v", first, len(page.Events), err)
		}
	})
}

func TestAppend_ADuplicateIsTheMessageAcceptedFirstEvenIfTheLogLetGoOfIt(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		p := post("salut")
		p.Nonce = "n1"
		p.Message.At.Time = time.Date(2026, 11, 22, 21, 34, 30, 123e6, time.UTC)
		first, err := s.Append(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		p.Message.At.Time = time.Now() // the client tried again, a little later
		for _, when := range []string{"in the log", "trimmed"} {
			again, err := s.Append(t.Context(), p)
			m := again.Message
			if err != nil || !again.Duplicate || m.ID != first.Message.ID || !m.At.Equal(first.Message.At.Time) || m.Text != "salut" {
				t.Errorf("%s: %+v, error %v", when, again, err)
			}
			if err := s.client.Del(t.Context(), s.keys.log(lobby)).Err(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAppend_ANonceForAnotherTextIsRefused(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		for i, text := range []string{"salut", "adieu"} {
			p := post(text)
			p.Nonce = "n1"
			if _, err := s.Append(t.Context(), p); (i == 1) != errors.Is(err, chat.ErrNonceReused) {
				t.Errorf("%s: %v", text, err)
			}
		}
		p := post("adieu")
		p.Nonce, p.Message.Author.ID = "n1", "p_bob" // counted with the other: two guests of one address
		if _, err := s.Append(t.Context(), p); err != nil {
			t.Errorf("another sender's nonce: %v", err)
		}
	})
}

func TestAppend_TheRateHoldsAcrossInstancesAndNoncesAreNotCharged(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.MessageRate, o.MessageBurst = 0.2, 6
		stores := []*Store{idle(t, addr, o), idle(t, addr, o)}
		p := post("first")
		p.Nonce = "n0"
		for range 5 { // one message, four repetitions
			if _, err := stores[0].Append(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 5 {
			if _, err := stores[i%2].Append(t.Context(), post("more")); err != nil {
				t.Fatalf("message %d: %v", i, err)
			}
		}
		_, err := stores[0].Append(t.Context(), post("too much"))
		limited, ok := errors.AsType[*chat.RateLimited](err)
		if !ok || limited.RetryAfter <= 4*time.Second || limited.RetryAfter > 5*time.Second {
			t.Errorf("the seventh: %v", err)
		}
		if r, err := stores[1].Append(t.Context(), p); err != nil || !r.Duplicate {
			t.Errorf("a repetition by one who is limited: %+v, %v", r, err)
		}
		other := post("hello")
		other.Who = "p_bob"
		if _, err := stores[0].Append(t.Context(), other); err != nil {
			t.Errorf("somebody else: %v", err)
		}
	})
}

func TestAppend_TheRateRefills(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.MessageRate, o.MessageBurst = 50, 1
		s := idle(t, addr, o)
		say(t, s, "one")
		_, err := s.Append(t.Context(), post("two"))
		limited, ok := errors.AsType[*chat.RateLimited](err)
		if !ok {
			t.Fatalf("two: %v", err)
		}
		eventually(t, "the sender may go on", func() bool {
			_, err := s.Append(t.Context(), post("two"))
			return err == nil
		})
		if limited.RetryAfter > 20*time.Millisecond {
			t.Errorf("retry after %s", limited.RetryAfter)
		}
	})
}

func TestAppend_ALostHeadIsReadFromTheLog(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		sayNumbers(t, s, 0, 2)
		if err := s.client.Del(t.Context(), s.keys.head(lobby)).Err(); err != nil {
			t.Fatal(err)
		}
		if page, err := s.Before(t.Context(), lobby, chat.EventID{}, 10); err != nil || page.Head.Seq != 2 || len(page.Events) != 3 {
			t.Errorf("page %+v, error %v", page, err)
		}
		sayNumbers(t, s, 3, 4)
		page, err := s.Before(t.Context(), lobby, chat.EventID{}, 10)
		if err != nil || !slices.Equal(textsOf(t, page.Events), numbers(0, 4)) {
			t.Fatalf("page %+v, error %v", page, err)
		}
		contiguous(t, page.Events)
	})
}

func TestAppend_AHeadBehindTheLogIsPutRight(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		sayNumbers(t, s, 0, 4)
		if err := s.client.HSet(t.Context(), s.keys.head(lobby), "next", 2).Err(); err != nil {
			t.Fatal(err)
		}
		if m := say(t, s, "5"); m.ID.Seq != 5 {
			t.Errorf("the next id is %s", m.ID)
		}
	})
}

func TestAppend_EveryLogHasItsOwnEpoch(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		before := say(t, s, "before")
		if err := s.client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a millisecond passes", func() bool { return time.Now().UnixMilli() > before.ID.Epoch })
		if after := say(t, s, "after"); after.ID.Epoch <= before.ID.Epoch || after.ID.Seq != 0 {
			t.Errorf("%s, then %s", before.ID, after.ID)
		}
	})
}

func TestAppend_SaysWhenRedisIsAwayAndObeysItsCaller(t *testing.T) {
	s := idle(t, freeAddr(t), quick())
	if _, err := s.Append(t.Context(), post("salut")); !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("nobody there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Append(ctx, post("salut")); !errors.Is(err, context.Canceled) || errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("cancelled: %v", err)
	}
}
