package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// quietRedis keeps go-redis's own messages to those who debug: the store says in
// its own words when Redis is away.
func quietRedis(log *slog.Logger) { redis.SetLogger(redisLog{log}) }

type redisLog struct{ log *slog.Logger }

func (l redisLog) Printf(_ context.Context, format string, args ...any) {
	l.log.Debug("go-redis", slog.String("message", fmt.Sprintf(format, args...)))
}
