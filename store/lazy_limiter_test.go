package store

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"causette/chat"
)

func TestSenders_AreHeldToTheirRateOverAllRoomsAndInstances(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.MessageRate, o.MessageBurst = 0.01, 20
		instances := []*Store{idle(t, addr, o), idle(t, addr, o)}
		said := 0
		for n := range 200 { // each time in another room, so that no room's rate says anything
			s := instances[n%2]
			if s.limits.messages.allow("p_ana") == nil {
				s.charge(t.Context(), s.limits.messages, "p_ana", 1)
				said++
			}
		}
		// The burst, what may be uncharged, and what each instance gets ahead.
		if least, most := 20, 20+leastMessageBatch+len(instances)*leastMessageBatch; said < least || said > most {
			t.Errorf("%d messages, want %d to %d", said, least, most)
		}
		limited, ok := errors.AsType[*chat.RateLimited](instances[0].limits.messages.allow("p_ana"))
		if !ok || limited.RetryAfter <= 0 {
			t.Errorf("then %+v", limited)
		}
		if err := instances[0].limits.messages.allow("p_bob"); err != nil {
			t.Errorf("somebody else: %v", err)
		}
	})
}

func TestSenders_WhoKeepsToARoomsRateIsNotHeldUp(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.MessageRate, o.MessageBurst = 0.01, 2*leastMessageBatch
		s := idle(t, addr, o)
		for n := range o.MessageBurst {
			if err := s.limits.messages.allow("p_ana"); err != nil {
				t.Fatalf("message %d: %v", n, err)
			}
			s.charge(t.Context(), s.limits.messages, "p_ana", 1)
		}
		if err := s.limits.messages.allow("p_ana"); err != nil {
			t.Errorf("after a burst: %v", err)
		}
	})
}

func TestSenders_WithoutALimitNothingIsRemembered(t *testing.T) {
	s := idle(t, "127.0.0.1:1", Options{})
	s.charge(t.Context(), s.limits.messages, "p_ana", 1)
	if err := s.limits.messages.allow("p_ana"); err != nil || len(s.limits.messages.known) != 0 {
		t.Errorf("%v; %d are known", err, len(s.limits.messages.known))
	}
}

func TestLazyLimiter_WhoIsSilentIsForgottenAndTheirNumberIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLazyLimiter(limit{"messages", 5, 20}, leastMessageBatch, keys{}.sender)
		for n := range 3 * maxCounted {
			s.count(fmt.Sprint(n), 1)
		}
		if n := len(s.known) + len(s.older); n > 2*maxCounted {
			t.Errorf("%d are remembered", n)
		}
		for range 2 {
			time.Sleep(rememberCounted + time.Second)
			if err := s.allow("p_ana"); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(s.known) + len(s.older); n > 2 {
			t.Errorf("%d are remembered for good", n)
		}
	})
}

func TestAllowStream_HoldsPerAddressOverAllInstances(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.StreamRate = 1 // so that each is charged at once
		instances := []*Store{idle(t, addr, o), idle(t, addr, o)}
		opened := 0
		for n := range 20 {
			s := instances[n%2]
			s.health.set(nil)
			if s.AllowStream(t.Context(), "192.0.2.1") == nil {
				opened++
			}
		}
		// One at once, what may be uncharged, and what each instance gets ahead.
		if opened < 1 || opened > 1+1+len(instances) {
			t.Errorf("%d were opened", opened)
		}
		if err := instances[0].AllowStream(t.Context(), "192.0.2.2"); err != nil {
			t.Errorf("another address: %v", err)
		}
		instances[0].health.set(chat.ErrUnavailable)
		if err := instances[0].AllowStream(t.Context(), "192.0.2.1"); err != nil {
			t.Errorf("while Redis is away: %v", err)
		}
	})
}

func TestQuota_IsABurstInTheTimeThatItTakesToComeBack(t *testing.T) {
	for _, test := range []struct {
		rate        float64
		burst, want int
		seconds     int
	}{{5, 20, 20, 4}, {0.5, 30, 30, 60}, {100, 20, 100, 1}, {0.01, 1, 1, 100}, {3, 20, 21, 7}} {
		if got, window := quota(test.rate, test.burst); got != test.want || window != time.Duration(test.seconds)*time.Second {
			t.Errorf("%v a second, %d at once: %d in %v", test.rate, test.burst, got, window)
		}
	}
}
