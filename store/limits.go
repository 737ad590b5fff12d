package store

import (
	"context"
	"math"
	"time"

	"causette/chat"
)

var allowScript = lua("gcra", "allow")

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
	return s.allow(ctx, "limit sessions", s.keys.address(addr), s.o.SessionRate)
}

// AllowStream charges one more stream to an address, over all instances: StreamRate
// a minute, as many at once. Too many are [*chat.RateLimited]; while Redis is known
// to be away none are, for then streams are all that readers have.
func (s *Store) AllowStream(ctx context.Context, addr string) error {
	if !s.Up() {
		return nil
	}
	return s.allow(ctx, "limit streams", s.keys.streams(addr), s.o.StreamRate)
}

// allow charges one request to a limit of so many a minute, 0 being none.
func (s *Store) allow(ctx context.Context, doing, key string, perMinute float64) error {
	if perMinute <= 0 {
		return nil
	}
	v, err := s.run(ctx, doing, allowScript, []string{key}, int64(60e6/perMinute), max(int(perMinute), 1))
	if err != nil {
		return err
	}
	if wait, _ := v.(int64); wait > 0 {
		return &chat.RateLimited{RetryAfter: time.Duration(wait) * time.Microsecond}
	}
	return nil
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
