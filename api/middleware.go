package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
)

const headerRequestID = "X-Request-Id"

// requestTimeout bounds everything a request waits for but the event stream.
const requestTimeout = 10 * time.Second

// maxURL bounds a request's path and query, in bytes: the longest text, escaped,
// and its companions fit. net/http bounds them too, with the header, and less
// politely: see maxHeader.
const maxURL = 28 << 10

var requestIDForm = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)

// identify gives each request an id, the one that a trusted proxy sent if it is sane.
func (a *API) identify(c *gin.Context) {
	id := c.GetHeader(headerRequestID)
	if id == "" || !a.trusted.Contain(peerAddr(c.Request)) || !requestIDForm.MatchString(id) {
		id = rand.Text()
	}
	c.Header(headerRequestID, id)
}

// logRequests writes a line a request, when it has ended: never a query, a body
// or a header, since texts and tokens travel there.
func (a *API) logRequests(c *gin.Context) {
	start := time.Now()
	c.Next()
	level := slog.LevelInfo
	if route := c.FullPath(); isProbe(route) || strings.HasPrefix(route, "/assets/") || c.GetBool(overBudgetKey) {
		level = slog.LevelDebug
	}
	if !a.log.Enabled(c.Request.Context(), level) {
		return // what the line would say is not for nothing
	}
	a.log.LogAttrs(c.Request.Context(), level, "request",
		slog.String("request_id", c.Writer.Header().Get(headerRequestID)),
		slog.String("method", c.Request.Method),
		slog.String("path", loggedPath(c.Request)),
		slog.Int("status", c.Writer.Status()),
		slog.Int("bytes", max(c.Writer.Size(), 0)),
		slog.Duration("took", time.Since(start).Round(time.Microsecond)),
		slog.String("client", a.owner(c)))
}

// maxLoggedPath bounds what a line of the log repeats of a path, in bytes.
const maxLoggedPath = 256

// loggedPath is a request's path, cut between two letters where it is long.
func loggedPath(r *http.Request) string {
	path := r.URL.Path
	if len(path) <= maxLoggedPath {
		return path
	}
	end := maxLoggedPath - len("…")
	for end > 0 && !utf8.RuneStart(path[end]) {
		end--
	}
	return path[:end] + "…"
}

// isProbe reports whether a route is a load balancer's or a watcher's.
func isProbe(route string) bool { return route == "/healthz" || route == "/readyz" }

// recoverPanics turns a panic into a 500 and a line in the log with its stack.
func (a *API) recoverPanics(c *gin.Context) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(cause) // net/http's own way to cut a connection
		}
		a.log.Error("panic", slog.String("path", loggedPath(c.Request)),
			slog.String("cause", fmt.Sprint(cause)), slog.String("stack", string(debug.Stack())))
		if !c.Writer.Written() {
			a.writeProblem(c.Writer, c.Request, fmt.Errorf("panic: %v", cause))
		}
		c.Abort()
	}()
	c.Next()
}

// contentSecurityPolicy lets the page run its own modules and nothing else. The
// one Trusted Types policy admits the one URL of the shared worker.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
	"connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types chat"

// Values of headers that stand on every answer: made once, and never changed.
var (
	onlyOurOwn = []string{contentSecurityPolicy}
	noSniffing = []string{"nosniff"}
	sameOrigin = []string{"same-origin"}
)

// secureHeaders stand on every answer.
func (a *API) secureHeaders(c *gin.Context) {
	h := c.Writer.Header()
	h["Content-Security-Policy"] = onlyOurOwn
	h["X-Content-Type-Options"] = noSniffing
	h["Referrer-Policy"] = sameOrigin // no-referrer would make form posts send Origin: null
	// Elsewhere browsers ignore it, and complain of it in the console.
	if a.trusted.isSecure(c.Request) || isLoopback(c.Request.Host) {
		h["Cross-Origin-Opener-Policy"] = sameOrigin
	}
}

// isLoopback reports whether browsers take a host for this very machine, and so
// for as safe as TLS.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// refuseLongURLs answers what no honest client sends.
func (a *API) refuseLongURLs(c *gin.Context) {
	if len(c.Request.RequestURI) > maxURL {
		a.writeProblem(c.Writer, c.Request, problem(http.StatusRequestURITooLong, "uri_too_long", fmt.Sprintf("a path and its query have at most %d bytes", maxURL)))
		c.Abort()
	}
}

// closeAfterChunks makes a request with a chunked body the last one of its
// connection. Had it a Content-Length as well, net/http has hidden that already,
// and a proxy may have believed it: what follows the last chunk would then be a
// request of somebody else's making (RFC 9112, section 6.1).
func closeAfterChunks(c *gin.Context) {
	if len(c.Request.TransferEncoding) > 0 {
		c.Header("Connection", "close")
	}
}

// handler is a resource's method: it answers, or returns why not.
type handler func(*gin.Context) error

// bounded runs h under requestTimeout and writes what it returns as a problem.
func (a *API) bounded(h handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx, cancel := context.WithTimeout(c.Request.Context(), requestTimeout)
		defer cancel()
		c.Request = c.Request.WithContext(ctx)
		a.unbounded(h)(c)
	}
}

// unbounded is bounded without the timeout, for the stream.
func (a *API) unbounded(h handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := h(c); err != nil {
			a.writeProblem(c.Writer, c.Request, err)
		}
	}
}
