package sse

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"causette/chat"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestWriters_SeeAHangUp(t *testing.T) {
	for name, hangUp := range map[string]func(*net.TCPConn) error{
		"closed": (*net.TCPConn).Close, "half closed": (*net.TCPConn).CloseWrite,
		"reset": func(c *net.TCPConn) error { _ = c.SetLinger(0); return c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			eachWriter(t, func(t *testing.T, o Options) {
				w := newWorld(t, o)
				conn, r := dialRaw(t, serveHTTP(t, w, nil), "")
				readUntil(t, r, "data:")
				if err := hangUp(conn.(*net.TCPConn)); err != nil {
					t.Fatal(err)
				}
				until(t, func() bool { return w.who.heard() == "+p_1 -p_1" && w.closes(hangup) == 1 })
				until(t, func() bool { return testutil.ToFloat64(w.o.Metrics.streams) == 0 })
			})
		})
	}
}

func TestWriters_AReaderThatHangsUpAtOnceIsSeen(t *testing.T) {
	eachWriter(t, func(t *testing.T, o Options) {
		w := newWorld(t, o)
		srv := serveHTTP(t, w, nil)
		const n = 200 // somewhere from before its hello to after it was taken over
		for range n {
			conn, _ := dialRaw(t, srv, "")
			if rand.IntN(2) == 0 {
				_, _ = conn.Read(make([]byte, 1+rand.IntN(400)))
			}
			_ = conn.Close()
		}
		until(t, func() bool { return w.closes(hangup) == n })
		until(t, func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.streams == 0
		})
		heard := w.who.heard()
		if strings.Count(heard, "+") != strings.Count(heard, "-") {
			t.Errorf("presence heard %s", heard)
		}
	})
}

func TestWriters_AReaderThatStopsIsClosedAndCostsOthersNothing(t *testing.T) {
	eachWriter(t, func(t *testing.T, o Options) {
		const tailSize = 64 << 10
		o.TailSize, o.WriteTimeout = tailSize, time.Second
		w := newWorld(t, o)
		srv := serveHTTP(t, w, func(s *httptest.Server) {
			s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
				_ = c.(*net.TCPConn).SetWriteBuffer(8 << 10) // so that it is full soon
				return ConnContext(ctx, c)
			}
		})
		stuck, _ := dialRaw(t, srv, "") // and never reads
		_ = stuck.(*net.TCPConn).SetReadBuffer(8 << 10)
		_, good := dialRaw(t, srv, "")
		readUntil(t, good, "event: hello")
		until(t, func() bool { return strings.Count(w.who.heard(), "+") == 2 })
		for said := 0; w.closes(slow) == 0; said += 50 {
			if said > 1_000_000 {
				t.Fatal("it is never closed")
			}
			w.log.say(chat.Lobby, 50)
			readUntil(t, good, fmt.Sprintf(`"message %d"`, said+49)) // the other keeps up
			r := w.openRoom()
			if got := held(r.tail); got > tailSize+2*r.tail.segmentCap {
				t.Fatalf("the tail holds %d bytes", got)
			}
		}
	})
}

func TestWriters_CloseSaysByeToWhoeverIsThere(t *testing.T) {
	eachWriter(t, func(t *testing.T, o Options) {
		w := newWorld(t, o)
		srv := serveHTTP(t, w, nil)
		_, r := dialRaw(t, srv, "")
		readUntil(t, r, "event: hello")
		w.Close()
		expectEnd(t, r, drain)
		w.Close() // twice does no harm
		_, late := dialRaw(t, srv, "")
		expectEnd(t, late, drain)
	})
}

func TestWriters_ReplaceSendsEveryReaderAway(t *testing.T) {
	eachWriter(t, func(t *testing.T, o Options) {
		w := newWorld(t, o)
		srv := serveHTTP(t, w, nil)
		said := w.log.say(chat.Lobby, 300)
		for _, query := range []string{"", "?after=" + said[0]} {
			_, r := dialRaw(t, srv, query)
			readUntil(t, r, "message 299")
			w.log.lose()
			expectEnd(t, r, replaced)
			_, again := dialRaw(t, srv, "?after="+said[299])
			readUntil(t, again, `"resume":"gap"`)
			said = w.log.say(chat.Lobby, 300)
			readUntil(t, again, "message 299")
		}
	})
}

func TestWriters_AFullInstanceSaysSo(t *testing.T) {
	eachWriter(t, func(t *testing.T, o Options) {
		o.MaxStreams = 1
		w := newWorld(t, o)
		srv := serveHTTP(t, w, nil)
		conn, r := dialRaw(t, srv, "")
		readUntil(t, r, "event: hello")
		_, other := dialRaw(t, srv, "")
		expectEnd(t, other, full)
		_ = conn.Close()
		until(t, func() bool { return w.closes(hangup) == 1 })
		_, next := dialRaw(t, srv, "")
		readUntil(t, next, "event: hello")
	})
}
