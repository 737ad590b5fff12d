package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// errReplicas refuses to read from replicas: a log that lags looks like one that
// went back.
var errReplicas = errors.New("reading from replicas (read_only, replica_only, route_by_latency, route_randomly) is not supported")

// Dial makes a client from a URL: redis://, rediss:// (TLS) or unix://, with user
// and password; ?addr=host:port (repeatable) makes it a Cluster, ?master_name= one
// behind Sentinels, whose user and password come first: the master's are ?username=
// and ?password=. It does not connect yet. What the URL does not say about time
// is set so that a Redis that is away is noticed soon, and contexts are obeyed. An
// error repeats nothing of the URL.
func Dial(redisURL string) (redis.UniversalClient, error) {
	quiet()
	u, err := parseURL(redisURL)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	switch {
	case q.Has("master_name"):
		o, err := redis.ParseFailoverURL(redisURL)
		if err != nil {
			return nil, errURL
		}
		if o.ReplicaOnly || o.RouteByLatency || o.RouteRandomly {
			return nil, errReplicas
		}
		o.ContextTimeoutEnabled, o.DialerRetries = true, 1
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = timeouts(o.DialTimeout, o.ReadTimeout, o.WriteTimeout)
		return redis.NewFailoverClient(o), nil
	case q.Has("addr"):
		o, err := redis.ParseClusterURL(redisURL)
		if err != nil {
			return nil, errURL
		}
		if o.ReadOnly || o.RouteByLatency || o.RouteRandomly {
			return nil, errReplicas
		}
		o.ContextTimeoutEnabled, o.DialerRetries = true, 1
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = timeouts(o.DialTimeout, o.ReadTimeout, o.WriteTimeout)
		return redis.NewClusterClient(o), nil
	default:
		o, err := redis.ParseURL(redisURL)
		if err != nil {
			return nil, errURL
		}
		o.ContextTimeoutEnabled, o.DialerRetries = true, 1
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = timeouts(o.DialTimeout, o.ReadTimeout, o.WriteTimeout)
		return redis.NewClient(o), nil
	}
}

// quiet sends what go-redis has to say to slog, at debug level: it writes a line
// to stderr for every attempt to connect, and the store says itself what matters.
var quiet = sync.OnceFunc(func() { redis.SetLogger(debugLog{}) })

type debugLog struct{}

func (debugLog) Printf(ctx context.Context, format string, v ...any) {
	if slog.Default().Enabled(ctx, slog.LevelDebug) {
		slog.DebugContext(ctx, "go-redis", "said", fmt.Sprintf(format, v...))
	}
}

// timeouts fills in what a URL left open.
func timeouts(dial, read, write time.Duration) (time.Duration, time.Duration, time.Duration) {
	const soon = 2 * time.Second
	return or(dial, soon), or(read, soon), or(write, soon)
}
