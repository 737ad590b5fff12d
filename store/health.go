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

// condition is what Redis is good for, as of the last look: each for more than those
// before it.
type condition int

const (
	notLooked condition = iota // nothing is known yet
	away                       // it can't be reached, or refuses to be read
	refusing                   // it answers, but takes no writes for now: a replica, or one that cannot save
	full                       // it answers, but takes no writes that need memory
	ready
)

// conditionOf is what the error of a look says.
func conditionOf(err error) condition {
	switch {
	case err == nil:
		return ready
	case isFull(err):
		return full
	case isRefusal(err):
		return refusing
	default:
		return away
	}
}

func isFull(err error) bool { return errors.Is(err, chat.ErrStorageFull) }

// health is what the last look at Redis saw.
type health struct {
	mu sync.Mutex
	// Guarded by mu.
	is  condition
	err error // why it is not ready; nil if it is
}

var errNotLooked = fmt.Errorf("%w: not looked at yet", chat.ErrUnavailable)

func newHealth() *health { return &health{err: errNotLooked} }

// set takes the error of a look; nil if Redis takes writes.
func (h *health) set(err error) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	is := conditionOf(err)
	changed = is != h.is
	h.is, h.err = is, err
	return changed
}

func (h *health) get() (condition, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.is, h.err
}

// away is why no request need try to read, nil if it may: it would keep others waiting
// until its time is over. Of a Cluster, the last look was at one master of several.
func (s *Store) away() error {
	if is, err := s.health.get(); is == away && s.cluster == nil {
		return err
	}
	return nil
}

// refuses is why no post need try, nil if it may. Whether a full Redis takes it, only that
// can say. Of a Cluster, the last look was at one master of several.
func (s *Store) refuses() error {
	if is, err := s.health.get(); (is == away || is == refusing) && s.cluster == nil {
		return err
	}
	return nil
}

// Ready is nil while Redis can be reached and takes writes, as of the last look (about
// a second ago), and else why not: [chat.ErrStorageFull] if it answers, but its memory
// is used up, or [chat.ErrUnavailable], also if it can still be read: see Up.
func (s *Store) Ready() error {
	_, err := s.health.get()
	return err
}

// Up reports whether Redis can be reached, if only to read.
func (s *Store) Up() bool {
	is, _ := s.health.get()
	return is >= refusing
}

// watchHealth asks Redis every HealthEvery whether it is there and takes writes, and four
// times as often while it does not, unless it is full.
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
		if conditionOf(err) <= refusing { // jittered, so that a Redis that is back is not met by all at once
			every = every/8 + rand.N(every/4)
		}
		if pause(ctx, every); ctx.Err() != nil {
			return nil
		}
	}
}

// look asks Redis whether it would take a write, by a write that changes nothing: the
// key is never there, so that there is nothing to replicate either. A Redis refuses it as
// it would a post: one that is full, a replica, one that cannot save. Then it asks whether
// it can be read at least: a replica without its master may refuse both, each with other words.
func (s *Store) look(ctx context.Context) error {
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	key := s.keys.probe("")
	if s.cluster != nil {
		key = s.keys.probe(fmt.Sprint(rand.IntN(1 << 14))) // another master each time
	}
	err := s.clients.health.SetArgs(call, key, 1, redis.SetArgs{Mode: "XX", TTL: time.Minute}).Err()
	if isOOM(err) || isRefusal(err) {
		if readErr := s.clients.health.Get(call, key).Err(); readErr != nil && !errors.Is(readErr, redis.Nil) {
			err = readErr
		}
	}
	return s.failed(ctx, "look at redis", err)
}

func (s *Store) logHealth(err error) {
	switch conditionOf(err) {
	case full:
		s.o.Log.Error("redis is full: posts are refused until it has memory again (maxmemory)", "error", err)
	case refusing:
		s.o.Log.Error("redis takes no writes: posts are refused until it does; reading goes on", "error", err)
	case ready:
		s.o.Log.Info("redis answers")
	default:
		s.o.Log.Error("redis is away: posts are refused, and it is tried again until it answers", "error", err)
	}
}

// pause waits, but not longer than ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
