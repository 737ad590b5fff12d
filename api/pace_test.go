package api

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"causette/chat"
)

func TestPaces_AnAddressHasItsShareAndNoOtherWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaces()
		began := time.Now()
		for range bytesAtOnce >> 20 {
			if err := p.wait(t.Context(), "greedy", 1<<20); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("what may come at once took %s", took)
		}
		for range bytesPerSecond >> 20 {
			if err := p.wait(t.Context(), "greedy", 1<<20); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began).Round(time.Millisecond); took != time.Second {
			t.Errorf("a second's worth took %s", took)
		}
		for { // those that ask at the same time
			limiter, _ := p.of.Get("greedy")
			limiter.ReserveN(time.Now(), 8<<20)
			if limiter.Tokens() < -bytesPerSecond*maxPace.Seconds() {
				break
			}
		}
		if err := p.wait(t.Context(), "greedy", 1<<20); !errors.Is(err, chat.ErrBusy) {
			t.Errorf("who has to wait too long got %v", err)
		}
		began = time.Now()
		if err := p.wait(t.Context(), "ana", 1<<20); err != nil || time.Since(began) != 0 {
			t.Errorf("another address waited %s, %v", time.Since(began), err)
		}
	})
}
