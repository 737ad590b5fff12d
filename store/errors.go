package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

// refusals are the errors by which a Redis that can be read says that it takes no writes
// now: it is a replica, is out of disk, or has too few replicas (min-replicas-to-write).
var refusals = []string{"READONLY", "MISCONF", "NOREPLICAS"}

// passing are the errors by which a Redis that answers says that it cannot work at all
// now: loading, failing over, giving a slot to another (go-redis followed it there,
// and gave up), or not letting us in.
var passing = []string{
	"LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK",
	"BUSY", "UNBLOCKED", "NOAUTH", "WRONGPASS", "ERR max number of clients reached",
}

// failed says what an error of go-redis means to the caller whose context ctx is:
// his own cancelling stays what it is; a Redis that is away, too slow or not ready
// is [chat.ErrUnavailable], with the cause, and one that is full [chat.ErrStorageFull];
// anything else is a bug and stays bare. That no connection became free is no outage, but
// Redis may have been asked: it is what go-redis says of its last try, after others.
func (s *Store) failed(ctx context.Context, doing string, err error) error {
	switch {
	case err == nil, errors.Is(err, redis.Nil):
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	case isOOM(err):
		return fmt.Errorf("%s: %w: %w", doing, chat.ErrStorageFull, err)
	case errors.Is(err, redis.ErrPoolTimeout):
		return fmt.Errorf("%s: %w: %w", doing, chat.ErrUnavailable, err)
	case isAnswer(err) && !isPassing(err) && !isRefusal(err):
		return fmt.Errorf("%s: %w", doing, err)
	case errors.Is(err, chat.ErrUnavailable):
		return fmt.Errorf("%s: %w", doing, err)
	default:
		s.metrics.unavailable.Inc()
		s.reroute(ctx)
		return fmt.Errorf("%s: %w: %w", doing, chat.ErrUnavailable, err)
	}
}

// failedRead is failed for what only reads: nothing took effect, whether Redis was asked or
// not, so that no connection became free is [chat.ErrBusy].
func (s *Store) failedRead(ctx context.Context, doing string, err error) error {
	if errors.Is(err, redis.ErrPoolTimeout) && ctx.Err() == nil {
		return fmt.Errorf("%s: %w: %w", doing, chat.ErrBusy, err)
	}
	return s.failed(ctx, doing, err)
}

// reroute has a Cluster's clients look again who has which slots. By itself it does
// so once a minute, or when a node that lives says that it has them no longer: one
// that died does not.
func (s *Store) reroute(ctx context.Context) {
	for _, client := range []redis.UniversalClient{s.clients.posts, s.clients.health, s.clients.rest} {
		if cluster, ok := client.(*redis.ClusterClient); ok {
			cluster.ReloadState(ctx)
		}
	}
}

// isAnswer reports whether Redis itself said so, rather than the way to it.
func isAnswer(err error) bool {
	_, ok := errors.AsType[redis.Error](err)
	return ok
}

// isOOM reports whether Redis refused a write since it has reached its maxmemory, and
// has nothing that it may evict. Before version 7 it says so inside the error of a script.
func isOOM(err error) bool {
	return isAnswer(err) && (strings.HasPrefix(err.Error(), "OOM ") || strings.Contains(err.Error(), "-OOM command not allowed"))
}

func isPassing(err error) bool { return answersWith(err, passing) }

// isRefusal reports whether Redis, which can be read, said that it takes no writes now.
func isRefusal(err error) bool { return answersWith(err, refusals) }

func answersWith(err error, prefixes []string) bool {
	answer, ok := errors.AsType[redis.Error](err)
	return ok && slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(answer.Error(), prefix) })
}
