package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"causette/chat"
)

const (
	// rememberCounted is how long somebody that nothing is counted of is remembered,
	// at least, and maxCounted how many are in that time.
	rememberCounted = time.Minute
	maxCounted      = 50_000
	// retryCharge is the time between two tries to charge Redis, where it refuses.
	retryCharge = 500 * time.Millisecond
)

var chargeScript = lua("clock", "gcra", "charge")

// lazyLimiter holds each of many to a limit over all instances. It counts here, and
// charges Redis by the batch, so that one costs a batch's part of a call; so far
// beyond the limit may each instance let somebody get.
type lazyLimiter struct {
	// Static after construction.
	limit limit
	batch int                 // units that are charged at once
	key   func(string) string // of somebody's state in Redis
	// standsIn says what happens while Redis can't be charged: each is held to the
	// limit on this instance alone, or else refused.
	standsIn bool

	mu    sync.Mutex
	known map[string]*counted // guarded by mu: of whom something was counted since turn
	older map[string]*counted // guarded by mu: of whom something was in the time before that
	turn  time.Time           // guarded by mu
}

// counted is what is known of one, guarded by lazyLimiter.mu.
type counted struct {
	uncharged int
	until     time.Time // nothing may pass before

	failed  error         // why Redis could not be charged; nil if it could
	retry   time.Time     // it is not tried again before
	standIn *rate.Limiter // what holds while it can't; nil if nothing passes then
}

func newLazyLimiter(l limit, batch int, key func(string) string) *lazyLimiter {
	return &lazyLimiter{limit: l, batch: batch, key: key, known: make(map[string]*counted)}
}

// off reports whether nobody is counted, or this one is nobody.
func (l *lazyLimiter) off(who string) bool { return l.limit.rate <= 0 || who == "" }

// ofLocked is what is known of who.
func (l *lazyLimiter) ofLocked(who string, now time.Time) *counted {
	if now.Sub(l.turn) > rememberCounted || len(l.known) >= maxCounted {
		l.turnLocked(now)
	}
	found := l.known[who]
	if found == nil {
		if found = l.older[who]; found == nil {
			found = new(counted)
		}
		l.known[who] = found
	}
	return found
}

// turnLocked forgets of whom nothing was counted for long, but for those who have to wait
// still, as long as they are not half of what is remembered.
func (l *lazyLimiter) turnLocked(now time.Time) {
	known := make(map[string]*counted)
	for who, c := range l.older {
		if c.until.After(now) && len(known) < maxCounted/2 {
			known[who] = c
		}
	}
	l.known, l.older, l.turn = known, l.known, now
}

// allow is nil if something of who may pass, else [*chat.RateLimited], or
// [chat.ErrUnavailable] while it is not known.
func (l *lazyLimiter) allow(who string) error {
	if l.off(who) {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	switch known := l.ofLocked(who, now); {
	case known.until.After(now):
		return l.limit.refusal(known.until.Sub(now))
	case known.standIn != nil && !known.standIn.AllowN(now, 1):
		return l.limit.refusal(time.Duration(float64(time.Second) / l.limit.rate))
	case known.standIn == nil && known.failed != nil && known.retry.After(now):
		return known.failed
	default:
		return nil
	}
}

// count counts so many units. It returns how many are to be charged now.
func (l *lazyLimiter) count(who string, units int) (charge int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	known := l.ofLocked(who, now)
	known.uncharged = min(known.uncharged+units, l.limit.burst+l.batch+units)
	if known.uncharged < l.batch || known.retry.After(now) {
		return 0
	}
	charge, known.uncharged = known.uncharged, 0
	return charge
}

// charged notes what Redis said to a charge.
func (l *lazyLimiter) charged(who string, charge int, wait time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	known := l.ofLocked(who, now)
	if known.failed = err; err == nil {
		known.standIn, known.until = nil, now.Add(wait)
		return
	}
	known.uncharged, known.retry = known.uncharged+charge, now.Add(retryCharge)
	if l.standsIn && known.standIn == nil {
		known.standIn = rate.NewLimiter(rate.Limit(l.limit.rate), l.limit.burst)
	}
}

// charge counts so many units of who against a limit, and charges Redis with them once
// there is a batch. The caller's context does not end that: who hangs up is counted too.
func (s *Store) charge(ctx context.Context, l *lazyLimiter, who string, units int) {
	if l.off(who) {
		return
	}
	charge := l.count(who, units)
	if charge == 0 {
		return
	}
	// What is not yet charged is allowed for, so that who keeps to the rate is never held up.
	v, err := s.run(context.WithoutCancel(ctx), "charge "+l.limit.policy, chargeScript, []string{l.key(who)},
		l.limit.interval(), l.limit.burst+l.batch-1, charge)
	if err != nil && !errors.Is(err, chat.ErrUnavailable) {
		err = fmt.Errorf("%w: %w", chat.ErrUnavailable, err)
	}
	wait, _ := v.(int64)
	l.charged(who, charge, time.Duration(wait)*time.Microsecond, err)
}
