package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"
)

const (
	// adminOffset is how far the admin listener's port is from PORT where ADMIN_ADDR is not set.
	adminOffset = 10000
	// adminNowhere is the ADMIN_ADDR that wants no such listener.
	adminNowhere = "none"
	// maxAdminConnections bounds its connections; one more waits in the kernel's queue.
	maxAdminConnections = 32
	// adminTimeout bounds an answer; a profile of a minute is one.
	adminTimeout = 2 * time.Minute
)

// adminAddress is where metrics and profiles are had; "" for nowhere.
func (c Config) adminAddress() string {
	switch c.AdminAddr {
	case adminNowhere:
		return ""
	case "":
		port := c.Port + adminOffset
		if port > 65535 {
			port = c.Port - adminOffset
		}
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	default:
		return c.AdminAddr
	}
}

// listenAdmin opens the admin listener; nil for none. An address that nobody chose may be
// taken: that is no reason not to serve.
func listenAdmin(ctx context.Context, cfg Config, log *slog.Logger) (net.Listener, error) {
	address := cfg.adminAddress()
	if address == "" {
		return nil, nil
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return netutil.LimitListener(listener, maxAdminConnections), nil
	case cfg.AdminAddr == "":
		log.Warn("no metrics and no profiles: their address can't be opened; ADMIN_ADDR chooses another",
			slog.String("address", address), slog.String("error", err.Error()))
		return nil, nil
	default:
		return nil, fmt.Errorf("ADMIN_ADDR: cannot listen on %s: %w", address, err)
	}
}

// newAdminServer serves metrics and profiles to whoever reaches its listener. On loopback
// that could also be a page in a browser on this machine, which is refused.
func newAdminServer(address net.Addr, metrics prometheus.Gatherer, log *slog.Logger) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	profiles := http.NewServeMux()
	profiles.HandleFunc("GET /debug/pprof/", pprof.Index)
	profiles.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	profiles.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	profiles.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	profiles.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/pprof/", oneAtATime(profiles.ServeHTTP))
	var handler http.Handler = mux
	if tcp, ok := address.(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		handler = refusePages(mux)
	}
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: defaultTimeouts.header, ReadTimeout: defaultTimeouts.read,
		WriteTimeout: adminTimeout, IdleTimeout: defaultTimeouts.idle,
		MaxHeaderBytes: maxHeader, DisableGeneralOptionsHandler: true,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// refusePages answers no page of another origin, nor one whose name somebody points at
// this machine (DNS rebinding).
func refusePages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site := r.Header.Get("Sec-Fetch-Site")
		foreign := site != "" && site != "none" && site != "same-origin"
		if foreign || r.Header.Get("Origin") != "" || !cameFromHere(r) || !isLocalHost(r.Host) {
			http.Error(w, "this is no page's business", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// cameFromHere reports whether no page, or one of this listener, is the referrer.
func cameFromHere(r *http.Request) bool {
	from, err := url.Parse(r.Header.Get("Referer"))
	return err == nil && (from.Host == "" || from.Host == r.Host)
}

// isLocalHost reports whether a Host is localhost or a loopback address, spelt as one: for
// those a browser says which page asks. 0.0.0.0 and ::ffff:7f00:1 lead here too, and for
// them it does not.
func isLocalHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && address.IsLoopback() && !address.Is4In6() || strings.EqualFold(host, "localhost")
}

// oneAtATime serves one request at a time: a profile, or a collection of garbage, takes the
// processor from those who chat. Another one is told to come back.
func oneAtATime(next http.HandlerFunc) http.HandlerFunc {
	turn := make(chan struct{}, 1)
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
			next(w, r)
		default:
			w.Header().Set("Retry-After", "1")
			http.Error(w, "one profile at a time", http.StatusServiceUnavailable)
		}
	}
}

// serveAdmin serves until the server is closed.
func serveAdmin(server *http.Server, listener net.Listener) error {
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}
