package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"causette/addr"
	"causette/api"
	"causette/conns"
	"causette/sse"
	"causette/store"
	"causette/store/embedded"
)

// lastRequests is how long requests that are not streams may still take after
// the streams have ended.
const lastRequests = 5 * time.Second

// localRedis is where REDIS_URL's default points to.
const localRedis = "127.0.0.1:6379"

// instance is one Causette process. All but draining is static after build.
type instance struct {
	name     string
	cfg      Config
	log      *slog.Logger
	client   io.Closer
	embedded *embedded.Redis // nil where REDIS_URL is given
	store    *store.Store
	hub      *sse.Hub
	server   *http.Server
	admin    *http.Server // nil until serve, and where there is none
	registry *prometheus.Registry
	limiter  *conns.Limiter
	draining atomic.Bool
}

// build makes the parts and joins them. Nothing waits for Redis here: an
// instance serves its page, and says what is wrong, without one.
func build(ctx context.Context, cfg Config, log *slog.Logger) (*instance, error) {
	trusted, err := addr.ParseRanges(cfg.TrustedProxies)
	if err != nil {
		return nil, err
	}
	i := &instance{
		name: strings.ToLower(rand.Text()[:8]), cfg: cfg, log: log, registry: prometheus.NewRegistry(),
	}
	var dialer store.Dialer // nil: REDIS_URL says where
	if !cfg.redisGiven {
		i.embedded = embedded.Open(ctx, embedded.Options{
			Address: localRedis, RuntimeDir: cfg.runtimeDir, TempDir: os.TempDir(), Log: log,
		})
		dialer = i.embedded.Dial
	}
	client, err := store.DialBy(cfg.RedisURL, dialer)
	if err != nil {
		return nil, err
	}
	i.client = client
	i.store = store.New(client, store.Options{
		Prefix: cfg.KeyPrefix, Instance: i.name,
		HistorySize: int64(cfg.HistorySize), HistoryTTL: cfg.HistoryTTL, HistoryBytes: cfg.HistoryBytes,
		MessageRate: cfg.MessageRate, MessageBurst: cfg.MessageBurst, SessionRate: cfg.SessionRate, StreamRate: cfg.StreamRate,
		RoomRate: cfg.RoomRate, LeaveDelay: cfg.LeaveDelay, NoticeLimit: cfg.NoticeLimit, Log: log,
	})
	i.registry.MustRegister(i.store.Collector(),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	memory := memoryOfProcess()
	memory.obey()
	log.Debug("memory", slog.String("from", memory.from), slog.Int64("bytes", memory.bytes), slog.Int64("budget", memory.budget()))
	i.hub = sse.NewHub(sse.Options{
		Poller: cfg.Writer == "poller", TailSize: cfg.TailSize, Memory: memory.budget(),
		MaxStreams: cfg.MaxStreams, MaxStreamsPerAddress: cfg.MaxStreamsPerIP, Heartbeat: cfg.Heartbeat, Drain: cfg.Drain,
		Instance: i.name, Log: log, Metrics: sse.NewMetrics(i.registry),
	}, i.store, i.store)
	i.limiter = conns.New(conns.Options{
		Limit: sse.OtherConnections(cfg.MaxStreams), Files: i.hub.SpareFiles,
		Proxies: trusted, Registerer: i.registry,
	})
	handler, err := api.New(api.Options{
		Store: i.store, Hub: i.hub, Instance: i.name, SessionSecrets: cfg.SessionSecrets,
		CORSOrigins: cfg.CORSOrigins, TrustedProxies: trusted, Hosts: cfg.Hosts,
		RequestRate: cfg.RequestRate, RequestBurst: cfg.RequestBurst,
		Owned: i.limiter.Owned, BecomesStream: i.limiter.BecomesStream,
		Embedded: i.holdsRedis, Draining: i.draining.Load, Registry: i.registry, Log: log,
	})
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	i.server = newWebServer(handler, i.limiter, defaultTimeouts, log)
	return i, nil
}

func (i *instance) holdsRedis() bool { return i.embedded != nil && i.embedded.Holding() }

// serve runs the instance until ctx ends or a part of it fails, then stops it
// in order: streams, requests, metrics, presence and feed, Redis. The admin listener may be nil.
func (i *instance) serve(ctx context.Context, listener, admin net.Listener) error {
	// The parts outlive ctx: they end when stop says so.
	working, end := context.WithCancel(context.WithoutCancel(ctx))
	parts, failed := errgroup.WithContext(working)
	// The embedded Redis goes last: the store has a word to say to it when it ends.
	holding, release := context.WithCancel(context.WithoutCancel(ctx))
	if i.embedded != nil {
		parts.Go(func() error { return i.embedded.Run(holding) })
	}
	parts.Go(func() error { defer release(); return i.store.Run(working) })
	parts.Go(func() error {
		if err := i.server.Serve(i.limiter.Listener(listener)); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	if admin != nil {
		i.admin = newAdminServer(admin.Addr(), i.registry, i.log)
		parts.Go(func() error { return serveAdmin(i.admin, admin) })
	}
	select {
	case <-ctx.Done():
	case <-failed.Done():
	}
	i.stop(working)
	i.hub.Close()
	end()
	return errors.Join(parts.Wait(), i.client.Close())
}

// stop drains the streams, each at a moment of its own, then waits for the
// requests under way. Presence is left to its lease, so that readers who are
// back elsewhere in time make no notice.
func (i *instance) stop(ctx context.Context) {
	i.log.Info("stopping", slog.Duration("drain", i.cfg.Drain))
	i.draining.Store(true)
	drained, cancel := context.WithTimeout(ctx, i.cfg.Drain+time.Second) // a reader who takes nothing holds nobody up
	defer cancel()
	i.hub.Drain(drained)
	ctx, cancel = context.WithTimeout(ctx, lastRequests)
	defer cancel()
	if err := i.server.Shutdown(ctx); err != nil {
		i.log.Warn("requests cut", slog.String("error", err.Error()))
		if err := i.server.Close(); err != nil {
			i.log.Warn("server not closed", slog.String("error", err.Error()))
		}
	}
	if i.admin != nil { // last, so that a drain can be watched; nobody waits for a profile
		if err := i.admin.Close(); err != nil {
			i.log.Warn("admin server not closed", slog.String("error", err.Error()))
		}
	}
}
