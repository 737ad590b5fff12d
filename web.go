package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"causette/conns"
	"causette/sse"
)

// timeouts bound each phase of a connection that is no stream. A stream has a
// deadline for each write instead.
type timeouts struct {
	header time.Duration // from the connection, or the end of idleness, to the end of a request's header
	read   time.Duration // to the end of its body
	write  time.Duration // from the end of its header to the end of the answer
	idle   time.Duration // between two requests
}

var defaultTimeouts = timeouts{header: 10 * time.Second, read: 20 * time.Second, write: 30 * time.Second, idle: 2 * time.Minute}

// maxHeader bounds a request's first line and header together, in bytes; net/http
// adds 4 KiB of its own.
const maxHeader = 32 << 10

// newWebServer is the HTTP server around handler, with every phase of every
// connection bounded in time and bytes.
func newWebServer(handler http.Handler, limiter *conns.Limiter, t timeouts, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           limiter.Handler(handler),
		ReadHeaderTimeout: t.header, ReadTimeout: t.read, WriteTimeout: t.write, IdleTimeout: t.idle,
		MaxHeaderBytes: maxHeader,
		// net/http answers OPTIONS * by itself otherwise, before anybody is charged for it.
		DisableGeneralOptionsHandler: true,
		ConnState:                    limiter.StateChanged,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			ctx, socket := limiter.Context(ctx, conn)
			return sse.ConnContext(ctx, socket)
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
