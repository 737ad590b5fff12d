//go:build !linux

package sse

import (
	"context"
	"math"
	"net"
	"net/http"
)

// poller is for Linux; elsewhere every stream keeps its goroutine.
type poller struct{}

func newPoller(*Hub) (*poller, error) { return nil, nil }

func (*poller) take(*stream) error { return nil }

func (*Hub) closePoller() {}

// ConnContext is for [http.Server.ConnContext]; it does nothing here.
func ConnContext(ctx context.Context, _ net.Conn) context.Context { return ctx }

func boundSocket(*http.Request) {}

// fileLimit is not known here: it counts as none.
func fileLimit() uint64 { return math.MaxUint64 }
