package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"causette/chat"
)

func TestTurns_AddressesTakeTurnsHoweverManyRequestsEachHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(1, 1000, time.Minute)
		var mu sync.Mutex
		var served []string
		var wg sync.WaitGroup
		ask := func(address string) {
			wg.Go(func() {
				done, err := turns.take(t.Context(), address)
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Millisecond)
				mu.Lock()
				served = append(served, address)
				mu.Unlock()
				done()
			})
		}
		for range 100 {
			ask("greedy")
		}
		synctest.Wait()
		ask("ana")
		ask("bob")
		wg.Wait()
		if len(served) != 102 || slices.Index(served, "ana") > 3 || slices.Index(served, "bob") > 4 {
			t.Errorf("%d served, ana at %d, bob at %d", len(served), slices.Index(served, "ana"), slices.Index(served, "bob"))
		}
		if turns.taken != 0 || turns.count != 0 || len(turns.waiting) != 0 || len(turns.order) != 0 {
			t.Errorf("left behind: %d taken, %d wait", turns.taken, turns.count)
		}
	})
}

func TestTurns_OneTooManyIsTheHeaviestsNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(1, 10, time.Minute)
		done, err := turns.take(t.Context(), "somebody")
		if err != nil {
			t.Fatal(err)
		}
		refused := make(chan string, 20)
		var wg sync.WaitGroup
		ask := func(name, address string) {
			wg.Go(func() {
				done, err := turns.take(t.Context(), address)
				if errors.Is(err, chat.ErrBusy) {
					refused <- name
					return
				}
				done()
			})
			synctest.Wait()
		}
		for i := range 10 {
			ask(fmt.Sprint("greedy ", i), "greedy")
		}
		ask("ana", "ana")
		if len(refused) != 1 || <-refused != "greedy 9" {
			t.Error("it was not the newest of the address that has the most")
		}
		done()
		wg.Wait()
		if len(refused) != 0 {
			t.Errorf("%s was refused", <-refused)
		}
	})
}

func TestTurns_WhoWaitsTooLongOrGoesAwayLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(1, 10, time.Second)
		done, err := turns.take(t.Context(), "slow")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := turns.take(t.Context(), "ana"); !errors.Is(err, chat.ErrBusy) || time.Since(began) != time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := turns.take(ctx, "ana"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who went away got %v", err)
		}
		done()
		if turns.taken != 0 || turns.count != 0 || len(turns.waiting) != 0 || len(turns.order) != 0 {
			t.Errorf("left behind: %d taken, %d wait", turns.taken, turns.count)
		}
	})
}

func TestUnread_IsBoundedForOneAddressAndForAll(t *testing.T) {
	u := newUnread()
	var written []func()
	add := func(address string, bytes int) error {
		done, err := u.add(address, bytes)
		if err == nil {
			written = append(written, done)
		}
		return err
	}
	if err := errors.Join(add("a", maxUnreadOfOne), add("b", maxUnreadOfOne-1)); err != nil {
		t.Fatal(err)
	}
	if err := add("a", 1); !errors.Is(err, chat.ErrBusy) {
		t.Errorf("more than its part: %v", err)
	}
	if err := add("c", 2); !errors.Is(err, chat.ErrBusy) {
		t.Errorf("more than all: %v", err)
	}
	if err := add("c", 1); err != nil {
		t.Error(err)
	}
	for _, done := range written {
		done()
	}
	if u.all != 0 || len(u.of) != 0 {
		t.Errorf("%d bytes are left, of %d addresses", u.all, len(u.of))
	}
}
