package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// errReplicas refuses to read from replicas: a log that lags looks like one that
// went back.
var errReplicas = errors.New("reading from replicas (read_only, replica_only, route_by_latency, route_randomly) is not supported")

// Dialer connects to a Redis whose place is not known, or not for long. It obeys ctx.
type Dialer func(ctx context.Context) (net.Conn, error)

// Dial makes a client from a URL: redis://, rediss:// (TLS) or unix://, with user
// and password; ?addr=host:port (repeatable) makes it a Cluster, ?master_name= one
// behind Sentinels, whose user and password come first: the master's are ?username=
// and ?password=. It does not connect yet. What the URL does not say about time
// is set so that a Redis that is away is noticed soon, and contexts are obeyed.
func Dial(redisURL string) (redis.UniversalClient, error) { return DialBy(redisURL, nil) }

// DialBy is [Dial], but for one Redis that is connected to by dialer, unless that is nil.
func DialBy(redisURL string, dialer Dialer) (redis.UniversalClient, error) {
	quiet()
	u, err := url.Parse(redisURL)
	if err != nil {
		return nil, fmt.Errorf("redis URL: %w", err)
	}
	q := u.Query()
	switch {
	case q.Has("master_name"):
		o, err := redis.ParseFailoverURL(redisURL)
		if err == nil && (o.ReplicaOnly || o.RouteByLatency || o.RouteRandomly) {
			err = errReplicas
		}
		if err != nil {
			return nil, fmt.Errorf("redis URL: %w", err)
		}
		o.ContextTimeoutEnabled, o.DialerRetries = true, 1
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = timeouts(o.DialTimeout, o.ReadTimeout, o.WriteTimeout)
		return redis.NewFailoverClient(o), nil
	case q.Has("addr"):
		o, err := redis.ParseClusterURL(redisURL)
		if err == nil && (o.ReadOnly || o.RouteByLatency || o.RouteRandomly) {
			err = errReplicas
		}
		if err != nil {
			return nil, fmt.Errorf("redis URL: %w", err)
		}
		o.ContextTimeoutEnabled, o.DialerRetries = true, 1
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = timeouts(o.DialTimeout, o.ReadTimeout, o.WriteTimeout)
		return redis.NewClusterClient(o), nil
	default:
		o, err := redis.ParseURL(redisURL)
		if err != nil {
			return nil, fmt.Errorf("redis URL: %w", err)
		}
		o.ContextTimeoutEnabled, o.DialerRetries = true, 1
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = timeouts(o.DialTimeout, o.ReadTimeout, o.WriteTimeout)
		if dialer != nil {
			o.Dialer = func(ctx context.Context, _, _ string) (net.Conn, error) { return dialer(ctx) }
		}
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
