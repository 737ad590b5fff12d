package store

import (
	"context"
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
