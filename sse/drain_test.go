package sse

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestDrain_EachStreamLeavesAtItsOwnMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		const n = 200
		var clients []*client
		ends := make(chan time.Duration, n)
		begin := time.Now()
		for range n {
			c := w.connect(t, Subscription{})
			clients = append(clients, c)
			go func() { <-c.done; ends <- time.Since(begin) }()
		}
		w.Drain(t.Context())
		if took := time.Since(begin); took < 4*time.Second {
			t.Errorf("Drain returned after %v, before they had left", took)
		}
		var when []time.Duration
		for range n {
			when = append(when, <-ends)
		}
		slices.Sort(when)
		if when[0] > time.Second || when[n-1] < 4*time.Second || when[n-1] > 5*time.Second+time.Millisecond {
			t.Errorf("they left from %v to %v", when[0], when[n-1])
		}
		if early := slices.IndexFunc(when, func(d time.Duration) bool { return d > 2500*time.Millisecond }); early < n/4 || early > 3*n/4 {
			t.Errorf("%d of %d left in the first half", early, n)
		}
		retries := make(map[int]bool)
		for _, c := range clients {
			bye := c.raw()[strings.LastIndex(c.raw(), "retry:"):]
			events, _, retry := readSSE(bye)
			if retry < 1000 || retry > 3000 || len(events) != 1 || events[0].Data != `{"reason":"drain"}` {
				t.Fatalf("got %q", bye)
			}
			retries[retry] = true
		}
		if len(retries) < n/4 {
			t.Errorf("only %d different retries", len(retries))
		}
		if got := testutil.ToFloat64(w.o.Metrics.closes.WithLabelValues("drain")); got != n {
			t.Errorf("%v closes counted", got)
		}
	})
}

func TestDrain_NobodyLeavesTheRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		w.connect(t, Subscription{})
		gone := w.connect(t, Subscription{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		w.Drain(ctx)
		gone.hangUp() // by itself, before its turn
		w.Drain(t.Context())
		if got := w.who.heard(); got != "+p_1 +p_1" {
			t.Errorf("presence heard %q", got)
		}
	})
}

func TestDrain_StreamsGoOnUntilTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{Drain: time.Hour})
		c := w.connect(t, Subscription{})
		c.news()
		go w.Drain(t.Context())
		synctest.Wait()
		said := w.log.say("lobby", 2)
		expect(t, "before its turn", c.news(), said)
	})
}

func TestDrain_NewStreamsAreRefusedWithABye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		w.Drain(t.Context()) // nobody here: returns at once
		c := w.connect(t, Subscription{})
		expect(t, "news", c.news(), []string{`bye {"reason":"drain"}`})
		if _, _, retry := readSSE(c.raw()); !c.ended() || retry < 1000 || c.header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("got %q with %v", c.raw(), c.header)
		}
		if w.who.heard() != "" || w.log.follows != 0 {
			t.Error("it got in")
		}
	})
}

func TestDrain_DoesNotWaitForAStalledReaderPastItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		c := w.connect(t, Subscription{})
		defer c.stall()()
		w.log.say("lobby", 1)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		begin := time.Now()
		w.Drain(ctx)
		if got := time.Since(begin); got != 7*time.Second {
			t.Errorf("took %v", got)
		}
	})
}
