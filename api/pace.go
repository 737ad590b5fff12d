package api

import (
	"context"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"causette/chat"
)

const (
	// bytesPerSecond and bytesAtOnce are what answers to one address may have: to copy a
	// gigabyte a second is all that two processors can do.
	bytesPerSecond, bytesAtOnce = 32 << 20, 16 << 20
	// maxPace is how long an answer waits for that.
	maxPace = 5 * time.Second
	// maxPaced is how many addresses are remembered.
	maxPaced = 10_000
)

// paces holds the answers to each address to a pace.
type paces struct {
	of *lru.Cache[string, *rate.Limiter]
}

func newPaces() paces {
	of, err := lru.New[string, *rate.Limiter](maxPaced)
	if err != nil {
		panic(err) // of no size at all
	}
	return paces{of}
}

// wait waits until so many more bytes may go to an address. If that is too long, it is
// [chat.ErrBusy].
func (p paces) wait(ctx context.Context, address string, bytes int) error {
	limiter, known := p.of.Get(address)
	if !known {
		limiter = rate.NewLimiter(bytesPerSecond, bytesAtOnce)
		if before, known, _ := p.of.PeekOrAdd(address, limiter); known { // somebody was faster
			limiter = before
		}
	}
	reserved := limiter.ReserveN(time.Now(), min(bytes, bytesAtOnce))
	delay := reserved.Delay()
	if delay == 0 {
		return nil
	}
	var refused error
	if delay > maxPace {
		reserved.Cancel()
		delay, refused = refusalPause, chat.ErrBusy // who asks again at once asks no faster
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return refused
	case <-ctx.Done():
		return ctx.Err()
	}
}
