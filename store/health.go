package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

// health is what the last look at Redis saw.
type health struct {
	mu  sync.Mutex
	err error // guarded by mu; nil while Redis answers and takes writes
}

var errNotLooked = fmt.Errorf("%w: not looked at yet", chat.ErrUnavailable)

func newHealth() *health { return &health{err: errNotLooked} }

// down is why Redis is known to be away, nil if it is not. One that is full is not
// away: whether it takes a post, only it can say.
func (h *health) down() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == errNotLooked || isFull(h.err) { //nolint:errorlint // the very one
		return nil
	}
	return h.err
}

// away is why no request need try, nil if it may: it would keep others waiting until its
// time is over. Of a Cluster, the last look was at one master of several.
func (s *Store) away() error {
	if s.cluster != nil {
		return nil
	}
	return s.health.down()
}

func (h *health) set(err error) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := h.err == errNotLooked //nolint:errorlint // the very one
	changed = first || (h.err == nil) != (err == nil) || isFull(h.err) != isFull(err)
	h.err = err
	return changed
}

func isFull(err error) bool { return errors.Is(err, chat.ErrStorageFull) }

// Ready is nil while Redis can be reached and takes writes, as of the last look (about
// a second ago), and else why not: [chat.ErrStorageFull] if it answers, but its memory
// is used up, or [chat.ErrUnavailable].
func (s *Store) Ready() error {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	return s.health.err
}

// Up reports whether Redis can be reached, if only to read.
func (s *Store) Up() bool {
	err := s.Ready()
	return err == nil || isFull(err)
}

// watchHealth asks Redis every HealthEvery whether it is there, and four times as
// often while it is not.
func (s *Store) watchHealth(ctx context.Context) error {
	for {
		err := s.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if s.health.set(err) {
			s.logHealth(err)
		}
		every := s.o.HealthEvery
		if !s.Up() { // jittered, so that a Redis that is back is not met by all at once
			every = every/8 + rand.N(every/4)
		}
		if pause(ctx, every); ctx.Err() != nil {
			return nil
		}
	}
}

// look asks Redis whether it would take a write, by a write that changes nothing: the
// key is never there, so that there is nothing to replicate either. A Redis refuses it as
// it would a post: one that is full, a replica, one that cannot save.
func (s *Store) look(ctx context.Context) error {
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	key := s.keys.probe("")
	if s.cluster != nil {
		key = s.keys.probe(fmt.Sprint(rand.IntN(1 << 14))) // another master each time
	}
	err := s.clients.health.SetArgs(call, key, 1, redis.SetArgs{Mode: "XX", TTL: time.Minute}).Err()
	return s.failed(ctx, "look at redis", err)
}

func (s *Store) logHealth(err error) {
	switch {
	case isFull(err):
		s.o.Log.Error("redis is full: posts are refused until it has memory again (maxmemory)", "error", err)
	case err != nil:
		s.o.Log.Error("redis is away: posts are refused, and it is tried again until it answers", "error", err)
	default:
		s.o.Log.Info("redis answers")
	}
}

// pause waits, but not longer than ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
