package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"causette/chat"
)

// health is what the last look at Redis saw.
type health struct {
	mu  sync.Mutex
	err error // guarded by mu; nil while Redis answers
}

var errNotLooked = fmt.Errorf("%w: not looked at yet", chat.ErrUnavailable)

func newHealth() *health { return &health{err: errNotLooked} }

// down is why Redis is known to be away, nil if it is not.
func (h *health) down() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == errNotLooked { //nolint:errorlint // the very one
		return nil
	}
	return h.err
}

func (h *health) set(err error) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := h.err == errNotLooked //nolint:errorlint // the very one
	changed = first || (h.err == nil) != (err == nil)
	h.err = err
	return changed
}

// Ready is nil while Redis can be reached, as of the last look (about a second
// ago), and else why it can't: [chat.ErrUnavailable].
func (s *Store) Ready() error {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	return s.health.err
}

// Up reports whether Redis can be reached.
func (s *Store) Up() bool { return s.Ready() == nil }

// watchHealth asks Redis every HealthEvery whether it is there, and four times as
// often while it is not.
func (s *Store) watchHealth(ctx context.Context) error {
	for {
		call, cancel := context.WithTimeout(ctx, s.o.Timeout)
		err := s.client.Ping(call).Err()
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		if s.health.set(s.failed(ctx, "ping redis", err)) {
			s.logHealth(err)
		}
		every := s.o.HealthEvery
		if err != nil { // jittered, so that a Redis that is back is not met by all at once
			every = every/8 + rand.N(every/4)
		}
		if pause(ctx, every); ctx.Err() != nil {
			return nil
		}
	}
}

func (s *Store) logHealth(err error) {
	if err != nil {
		s.o.Log.Error("redis is away: posts are refused, and it is tried again until it answers", "error", err)
		return
	}
	s.o.Log.Info("redis answers")
}

// pause waits, but not longer than ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
