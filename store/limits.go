package store

import (
	"context"
	"math"
	"time"

	"causette/chat"
)

var allowScript = lua("clock", "gcra", "allow")

const (
	// leastMessageLot is how many messages of a sender are charged at once, at least:
	// two seconds' worth at the default rate.
	leastMessageLot = 10
	// maxStreamLot is how many streams of an address are, at most, and otherwise what
	// it may open in a second.
	maxStreamLot = 100
)

// messageLot is how many messages of a sender are charged at once: where many are
// allowed, a tenth of a second's worth.
func messageLot(perSecond float64) int { return max(int(perSecond/10), leastMessageLot) }

// streamLot is how many streams of an address are charged at once.
func streamLot(perMinute float64) int { return min(max(int(perMinute/60), 1), maxStreamLot) }

// messageLimit is MESSAGE_RATE as the scripts take it: microseconds between two
// messages, and how many at once.
func (s *Store) messageLimit() (interval int64, burst int) {
	if s.o.MessageRate <= 0 {
		return 0, 1
	}
	return int64(1e6 / s.o.MessageRate), s.o.MessageBurst
}

// AllowSession charges one new session or nickname to an address, over all
// instances: SessionRate a minute, as many at once. Too many are [*chat.RateLimited].
func (s *Store) AllowSession(ctx context.Context, addr string) error {
	if s.o.SessionRate <= 0 {
		return nil
	}
	v, err := s.run(ctx, "limit sessions", allowScript, []string{s.keys.address(addr)},
		int64(60e6/s.o.SessionRate), max(int(s.o.SessionRate), 1))
	if err != nil {
		return err
	}
	if wait, _ := v.(int64); wait > 0 {
		return &chat.RateLimited{RetryAfter: time.Duration(wait) * time.Microsecond}
	}
	return nil
}

// AllowStream counts one more stream of an address, over all instances: StreamRate
// a minute, as many at once. Too many are [*chat.RateLimited]; while Redis is known
// to be away none are, for then streams are all that readers have.
func (s *Store) AllowStream(ctx context.Context, addr string) error {
	if s.o.StreamRate <= 0 || !s.Up() {
		return nil
	}
	if err := s.comers.wait(addr); err != nil {
		return err
	}
	s.count(ctx, s.comers, addr, s.keys.streams(addr), int64(60e6/s.o.StreamRate), max(int(s.o.StreamRate), 1))
	return nil
}

// maySay is for each message, before it is appended: a sender that said too much
// in all rooms together is [*chat.RateLimited]. append.lua sees to each room, for a
// script touches one room's slot.
func (s *Store) maySay(who string) error {
	if s.o.MessageRate <= 0 {
		return nil
	}
	return s.senders.wait(who)
}

// said is for each message that was accepted.
func (s *Store) said(ctx context.Context, who string) {
	if interval, burst := s.messageLimit(); interval > 0 {
		s.count(ctx, s.senders, who, s.keys.sender(who), interval, burst)
	}
}

// MessageQuota is how many messages a sender has in how much time.
func (s *Store) MessageQuota() (messages int, window time.Duration) {
	return quota(s.o.MessageRate, s.o.MessageBurst)
}

// SessionQuota is how many sessions and nicknames an address has in how much time.
func (s *Store) SessionQuota() (sessions int, window time.Duration) {
	return quota(s.o.SessionRate/60, max(int(s.o.SessionRate), 1))
}

// quota is a rate a second and a burst as one number in whole seconds: what may
// come in the time that it takes a burst to be allowed again.
func quota(rate float64, burst int) (int, time.Duration) {
	seconds := max(1, math.Ceil(float64(burst)/rate))
	return max(burst, int(seconds*rate)), time.Duration(seconds) * time.Second
}
