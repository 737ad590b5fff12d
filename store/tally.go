package store

import (
	"context"
	"sync"
	"time"

	"causette/chat"
)

const (
	// rememberCounted is how long somebody that nothing is counted of is remembered,
	// at least, and maxCounted how many are in that time.
	rememberCounted = time.Minute
	maxCounted      = 50_000
)

var chargeScript = lua("clock", "gcra", "charge")

// tally holds each of many to a rate over all instances. It counts here, and
// charges Redis by the lot, so that one costs a lot's part of a call; so far
// beyond the rate may each instance let somebody get.
type tally struct {
	lot int // static

	mu    sync.Mutex
	known map[string]*counted // guarded by mu: of whom something was counted since turn
	older map[string]*counted // guarded by mu: of whom something was in the time before that
	turn  time.Time           // guarded by mu
}

// counted is what is known of one, guarded by tally.mu.
type counted struct {
	uncharged int
	until     time.Time // nothing may pass before
}

func newTally(lot int) *tally { return &tally{lot: lot, known: make(map[string]*counted)} }

// of is what is known of who. Called with mu held.
func (t *tally) of(who string, now time.Time) *counted {
	if now.Sub(t.turn) > rememberCounted || len(t.known) >= maxCounted {
		t.known, t.older, t.turn = make(map[string]*counted), t.known, now
	}
	found := t.known[who]
	if found == nil {
		if found = t.older[who]; found == nil {
			found = new(counted)
		}
		t.known[who] = found
	}
	return found
}

// wait is for how long nothing of who may pass, as [*chat.RateLimited]; nil if something may.
func (t *tally) wait(who string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if wait := t.of(who, now).until.Sub(now); wait > 0 {
		return &chat.RateLimited{RetryAfter: wait}
	}
	return nil
}

// count counts one. It returns how many are to be charged now.
func (t *tally) count(who string) (charge int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.of(who, time.Now())
	if known.uncharged++; known.uncharged < t.lot {
		return 0
	}
	charge, known.uncharged = known.uncharged, 0
	return charge
}

func (t *tally) silence(who string, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	t.of(who, now).until = now.Add(wait)
}

// count counts one of who, whose state is at key: one per interval (microseconds)
// may pass, and burst at once. While Redis is away nothing is charged.
func (s *Store) count(ctx context.Context, t *tally, who, key string, interval int64, burst int) {
	charge := t.count(who)
	if charge == 0 {
		return
	}
	// What is not yet charged is allowed for, so that who keeps to the rate is never held up.
	v, err := s.runOn(ctx, s.clients.posts, "charge", chargeScript, []string{key}, interval, burst+t.lot-1, charge)
	if wait, _ := v.(int64); err == nil && wait > 0 {
		t.silence(who, time.Duration(wait)*time.Microsecond)
	}
}
