package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// postConnections are those that posts have for themselves, beside their pipeline's
	// one. Few are used: a post that is not alone takes the pipeline.
	postConnections = 8
	// poolTimeout is how long a call waits for a connection that is free. go-redis
	// waits up to four times; a read that has none then is [chat.ErrBusy].
	poolTimeout = 200 * time.Millisecond
)

// errReplicas refuses to read from replicas: a log that lags looks like one that
// went back.
var errReplicas = errors.New("reading from replicas (read_only, replica_only, route_by_latency, route_randomly) is not supported")

// Dialer connects to a Redis whose place is not known, or not for long. It obeys ctx.
type Dialer func(ctx context.Context) (net.Conn, error)

// Clients are the ways to one Redis. Each has connections of its own (of a Cluster,
// to each node), so that a post and the look at Redis's health never wait behind reads.
type Clients struct {
	posts  redis.UniversalClient
	health redis.UniversalClient
	rest   redis.UniversalClient
}

// Shared has one client for everything.
func Shared(client redis.UniversalClient) *Clients {
	return &Clients{posts: client, health: client, rest: client}
}

// Close closes all connections.
func (c *Clients) Close() error {
	if c.posts == c.rest { // Shared
		return c.rest.Close()
	}
	return errors.Join(c.posts.Close(), c.health.Close(), c.rest.Close())
}

// connections is how many connections a client has at most: its pool's (0 is what the
// URL says, or go-redis's default), and those of its pipeline pool (negative: pipelines
// use the pool).
type connections struct{ pool, pipelines int }

// Dial makes clients from a URL: redis://, rediss:// (TLS) or unix://, with user
// and password; ?addr=host:port (repeatable) makes it a Cluster, ?master_name= one
// behind Sentinels, whose user and password come first: the master's are ?username=
// and ?password=. It does not connect yet. What the URL does not say about time
// is set so that a Redis that is away is noticed soon, and contexts are obeyed. Its
// pool_size is about what is neither posts nor health. An error repeats nothing of the URL.
func Dial(redisURL string) (*Clients, error) { return DialBy(redisURL, nil) }

// DialBy is [Dial], but for one Redis that is connected to by dialer, unless that is nil.
func DialBy(redisURL string, dialer Dialer) (*Clients, error) {
	quiet()
	u, err := parseURL(redisURL)
	if err != nil {
		return nil, err
	}
	var client func(connections) redis.UniversalClient
	switch q := u.Query(); {
	case q.Has("master_name"):
		client, err = sentinelClient(redisURL)
	case q.Has("addr"):
		client, err = clusterClient(redisURL)
	default:
		client, err = plainClient(redisURL, dialer)
	}
	if err != nil {
		return nil, err
	}
	return &Clients{
		posts:  client(connections{pool: postConnections, pipelines: 1}),
		health: client(connections{pool: 1, pipelines: -1}),
		rest:   client(connections{pipelines: -1}),
	}, nil
}

func sentinelClient(redisURL string) (func(connections) redis.UniversalClient, error) {
	parsed, err := redis.ParseFailoverURL(redisURL)
	if err != nil {
		return nil, errURL
	}
	if parsed.ReplicaOnly || parsed.RouteByLatency || parsed.RouteRandomly {
		return nil, errReplicas
	}
	return func(n connections) redis.UniversalClient {
		o := *parsed
		o.SentinelAddrs = slices.Clone(parsed.SentinelAddrs) // each client adds to its own
		o.ContextTimeoutEnabled, o.DialerRetries, o.PoolTimeout = true, 1, poolTimeout
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = timeouts(o.DialTimeout, o.ReadTimeout, o.WriteTimeout)
		o.PoolSize, o.PipelinePoolSize = or(n.pool, o.PoolSize), n.pipelines
		return redis.NewFailoverClient(&o)
	}, nil
}

func clusterClient(redisURL string) (func(connections) redis.UniversalClient, error) {
	parsed, err := redis.ParseClusterURL(redisURL)
	if err != nil {
		return nil, errURL
	}
	if parsed.ReadOnly || parsed.RouteByLatency || parsed.RouteRandomly {
		return nil, errReplicas
	}
	return func(n connections) redis.UniversalClient {
		o := *parsed
		o.Addrs = slices.Clone(parsed.Addrs) // each client adds to its own
		o.ContextTimeoutEnabled, o.DialerRetries, o.PoolTimeout = true, 1, poolTimeout
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = timeouts(o.DialTimeout, o.ReadTimeout, o.WriteTimeout)
		o.PoolSize, o.PipelinePoolSize = or(n.pool, o.PoolSize), n.pipelines
		return redis.NewClusterClient(&o)
	}, nil
}

func plainClient(redisURL string, dialer Dialer) (func(connections) redis.UniversalClient, error) {
	parsed, err := redis.ParseURL(redisURL)
	if err != nil {
		return nil, errURL
	}
	return func(n connections) redis.UniversalClient {
		o := *parsed
		o.ContextTimeoutEnabled, o.DialerRetries, o.PoolTimeout = true, 1, poolTimeout
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = timeouts(o.DialTimeout, o.ReadTimeout, o.WriteTimeout)
		o.PoolSize, o.PipelinePoolSize = or(n.pool, o.PoolSize), n.pipelines
		if dialer != nil {
			o.Dialer = func(ctx context.Context, _, _ string) (net.Conn, error) { return dialer(ctx) }
		}
		return redis.NewClient(&o)
	}, nil
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
