package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// connectionAttacks are those that hold connections.
func connectionAttacks() []attack {
	return []attack{
		{name: "healthz", what: "700 connections, each `GET /healthz` every 600 ms",
			strike: func(ctx context.Context, a *attacker) error {
				return a.volley(ctx, 700, func(ctx context.Context, w *worker) error {
					_, _, err := w.ask(ctx, w.get("/healthz"))
					_ = pause(ctx, 600*time.Millisecond) // the volley looks at ctx
					return err
				})
			},
		},
		{name: "silent", what: "700 connections that say nothing; what is closed comes again",
			strike: func(ctx context.Context, a *attacker) error {
				return a.volley(ctx, 700, func(ctx context.Context, w *worker) error {
					if err := w.connect(ctx); err != nil {
						return err
					}
					return w.readAll()
				})
			},
		},
		{name: "slow", what: "700 connections with a byte of a header or of a body each 300 ms",
			strike: func(ctx context.Context, a *attacker) error {
				return a.volley(ctx, 700, saySlowly)
			},
		},
		{name: "long", what: "50 connections with addresses of 27 KB and headers of 30 KB",
			strike: func(ctx context.Context, a *attacker) error {
				path, field := "/"+strings.Repeat("a%0A", 27<<10/4), "X-Long: "+strings.Repeat("a", 30<<10)
				return a.volley(ctx, 50, func(ctx context.Context, w *worker) error {
					request := w.get(path)
					if w.turns%2 == 1 {
						request = w.get("/nothing", field)
					}
					_, _, err := w.ask(ctx, request)
					return err
				})
			},
		},
		{name: "unknown", what: "unknown paths by 200 connections at a time, each a new one",
			strike: func(ctx context.Context, a *attacker) error {
				return a.volley(ctx, 200, func(ctx context.Context, w *worker) error {
					_, _, err := w.ask(ctx, w.get(fmt.Sprintf("/nothing/%d", w.random.Uint32())))
					w.drop()
					return err
				})
			},
		},
	}
}

// readAll reads to the connection's end.
func (w *worker) readAll() error {
	_, err := io.Copy(io.Discard, w.in)
	w.drop()
	return err
}

// saySlowly sends a request whose header, or whose body, comes a byte at a time.
func saySlowly(ctx context.Context, w *worker) error {
	request := w.get("/", "X-Slow: "+strings.Repeat("a", 1000))
	at := 30 // in the header
	if w.number%2 == 1 {
		body := map[string]string{"room": "slow", "nickname": "slow", "text": strings.Repeat("a", 1000)}
		request = w.post("/messages", body)
		at = len(request) - 900
	}
	if err := w.say(ctx, request[:at]); err != nil {
		return err
	}
	for ; at < len(request); at++ {
		if err := pause(ctx, 300*time.Millisecond); err != nil {
			return err
		}
		if err := w.say(ctx, request[at:at+1]); err != nil {
			return err
		}
	}
	response, err := http.ReadResponse(w.in, nil)
	if err == nil {
		_ = response.Body.Close()
	}
	w.drop()
	return err
}
