package store

import (
	"context"
	"sync"
	"time"

	"causette/chat"
)

const (
	// chargedAtOnce is how many messages of a sender are charged in one call, and so
	// how far beyond its limit a sender may get on each instance.
	chargedAtOnce = 10
	// rememberSenders is how long a sender that says nothing is remembered, at least.
	rememberSenders = time.Minute
	// maxSenders bounds how many are remembered in that time.
	maxSenders = 50_000
)

var chargeScript = lua("charge")

// senders hold each sender to MESSAGE_RATE over all rooms and instances, where
// append.lua does so in one room: a script touches one room's slot. Messages are
// charged by the ten, so that this costs a tenth of a call for each.
type senders struct {
	mu    sync.Mutex
	known map[string]*sender // guarded by mu: who said something since turn
	older map[string]*sender // guarded by mu: who did in the time before that
	turn  time.Time          // guarded by mu
}

// sender is what is known of one, guarded by senders.mu.
type sender struct {
	uncharged int
	until     time.Time // nothing may be said before
}

func newSenders() *senders { return &senders{known: make(map[string]*sender)} }

// of is what is known of who. Called with mu held.
func (s *senders) of(who string, now time.Time) *sender {
	if now.Sub(s.turn) > rememberSenders || len(s.known) >= maxSenders {
		s.known, s.older, s.turn = make(map[string]*sender), s.known, now
	}
	found := s.known[who]
	if found == nil {
		if found = s.older[who]; found == nil {
			found = new(sender)
		}
		s.known[who] = found
	}
	return found
}

// wait is for how long who may say nothing.
func (s *senders) wait(who string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	return s.of(who, now).until.Sub(now)
}

// said counts a message. It returns how many are to be charged now.
func (s *senders) said(who string) (charge int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.of(who, time.Now())
	if known.uncharged++; known.uncharged < chargedAtOnce {
		return 0
	}
	charge, known.uncharged = known.uncharged, 0
	return charge
}

func (s *senders) silence(who string, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.of(who, now).until = now.Add(wait)
}

// MaySay is for each message, before it is appended: a sender that said too much
// in all rooms together is [*chat.RateLimited].
func (s *Store) MaySay(who string) error {
	if s.o.MessageRate <= 0 {
		return nil
	}
	if wait := s.senders.wait(who); wait > 0 {
		return &chat.RateLimited{RetryAfter: wait}
	}
	return nil
}

// Said is for each message that was accepted. While Redis is away nothing is charged.
func (s *Store) Said(ctx context.Context, who string) {
	interval, burst := s.messageLimit()
	if interval <= 0 {
		return
	}
	charge := s.senders.said(who)
	if charge == 0 {
		return
	}
	// What is not yet charged is allowed for, so that who keeps to one room's rate
	// never comes to this one.
	v, err := s.run(ctx, "charge messages", chargeScript, []string{s.keys.sender(who)}, interval, burst+chargedAtOnce, charge)
	if wait, _ := v.(int64); err == nil && wait > 0 {
		s.senders.silence(who, time.Duration(wait)*time.Microsecond)
	}
}
