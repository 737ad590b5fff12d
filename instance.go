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
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"causette/api"
	"causette/conns"
	"causette/sse"
	"causette/store"
)

// lastRequests is how long requests that are not streams may still take after
// the streams have ended.
const lastRequests = 5 * time.Second

// embeddedAddress is where REDIS_URL's default points to.
const embeddedAddress = "127.0.0.1:6379"

// instance is one Causette process. All but draining is static after build.
type instance struct {
	name     string
	cfg      Config
	log      *slog.Logger
	client   io.Closer
	embedded *store.Embedded // nil where REDIS_URL is given
	store    *store.Store
	hub      *sse.Hub
	server   *http.Server
	limiter  *conns.Limiter
	draining atomic.Bool
}

// build makes the parts and joins them. Nothing waits for Redis here: an
// instance serves its page, and says what is wrong, without one.
func build(ctx context.Context, cfg Config, log *slog.Logger) (*instance, error) {
	client, err := store.Dial(cfg.RedisURL)
	if err != nil {
		return nil, err
	}
	i := &instance{
		name: strings.ToLower(rand.Text()[:8]), cfg: cfg, log: log, client: client,
	}
	if !cfg.redisGiven {
		i.embedded = store.Embed(ctx, embeddedAddress, log)
	}
	registry := prometheus.NewRegistry()
	i.store = store.New(client, store.Options{
		Prefix: cfg.KeyPrefix, Instance: i.name,
		HistorySize: int64(cfg.HistorySize), HistoryTTL: cfg.HistoryTTL,
		MessageRate: cfg.MessageRate, MessageBurst: cfg.MessageBurst, SessionRate: cfg.SessionRate, StreamRate: cfg.StreamRate,
		LeaveDelay: cfg.LeaveDelay, NoticeLimit: cfg.NoticeLimit, Log: log,
	})
	registry.MustRegister(i.store.Collector(),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	i.hub = sse.NewHub(sse.Options{
		Poller: cfg.Writer == "poller", TailSize: cfg.TailSize,
		MaxStreams: cfg.MaxStreams, MaxStreamsPerAddress: cfg.MaxStreamsPerIP, Heartbeat: cfg.Heartbeat, Drain: cfg.Drain,
		Instance: i.name, Log: log, Metrics: sse.NewMetrics(registry),
	}, i.store, i.store)
	i.limiter = conns.New(conns.Options{
		Limit: sse.OtherConnections(cfg.MaxStreams), Files: i.hub.SpareFiles,
		Proxies: prefixes(cfg.TrustedProxies), Registerer: registry,
	})
	handler, err := api.New(api.Options{
		Store: i.store, Hub: i.hub, Instance: i.name, SessionSecrets: cfg.SessionSecrets,
		CORSOrigins: cfg.CORSOrigins, TrustedProxies: cfg.TrustedProxies,
		BecomesStream: i.limiter.BecomesStream, Embedded: i.holdsRedis, Draining: i.draining.Load, Registry: registry, Log: log,
	})
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	i.server = newWebServer(handler, i.limiter, defaultTimeouts, log)
	return i, nil
}

// prefixes are the ranges of a list of addresses and CIDR ranges, which loadConfig
// has checked.
func prefixes(list []string) []netip.Prefix {
	var all []netip.Prefix
	for _, s := range list {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			addr, _ := netip.ParseAddr(s)
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		all = append(all, prefix.Masked())
	}
	return all
}

func (i *instance) holdsRedis() bool { return i.embedded != nil && i.embedded.Holding() }

// serve runs the instance until ctx ends or a part of it fails, then stops it
// in order: streams, requests, presence and feed, Redis.
func (i *instance) serve(ctx context.Context, listener net.Listener) error {
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
}
