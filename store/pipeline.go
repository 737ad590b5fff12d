package store

import (
	"context"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// pipelined is the way POSTs go to Redis.
func pipelined(client redis.UniversalClient, log *slog.Logger) redis.Scripter {
	return client
}

// post runs a script that changes a log.
func (s *Store) post(ctx context.Context, doing string, script *redis.Script, keys []string, args ...any) (any, error) {
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	reply, err := script.Run(call, s.posts, keys, args...).Result()
	return reply, s.failed(ctx, doing, err)
}
