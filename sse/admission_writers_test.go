package sse

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"causette/chat"
)

func TestWriters_GiveAnAddressItsPlaceBack(t *testing.T) {
	eachWriter(t, func(t *testing.T, o Options) {
		o.MaxStreams, o.MaxStreamsPerAddress = 100, 1
		w := newWorld(t, o)
		srv := serveHTTP(t, w, nil)
		first, r := dialRaw(t, srv, "?from=192.0.2.1")
		readUntil(t, r, "event: hello")
		_, r = dialRaw(t, srv, "?from=192.0.2.1")
		expectEnd(t, r, full)
		_ = first.Close()
		until(t, func() bool { return w.counted() == 0 })
		_, r = dialRaw(t, srv, "?from=192.0.2.1")
		readUntil(t, r, "event: hello")
	})
}

// counted is how many addresses have streams.
func (w *world) counted() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.origins)
}

// A connection that became a stream carries no other request: on a connection
// that a proxy shares among its clients, what stands behind GET /events would be
// somebody else's.
func TestWriters_WhatIsSentBehindTheRequestIsNoRequest(t *testing.T) {
	behind := map[string]string{
		"a second request":             "GET /?from=second HTTP/1.1\r\nHost: x\r\n\r\n",
		"a body that was not declared": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
		"garbage":                      strings.Repeat("\x00\r\n:", 10_000),
	}
	eachWriter(t, func(t *testing.T, o Options) {
		for name, more := range behind {
			t.Run(name, func(t *testing.T) {
				o.Drain = time.Millisecond
				w := newWorld(t, o)
				srv := serveHTTP(t, w, nil)
				conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
				fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n%s", more)
				r := bufio.NewReader(conn)
				got := readUntil(t, r, "event: hello")
				fmt.Fprint(conn, more) // and once more to the stream that is there
				id := w.log.say(chat.Lobby, 1)[0]
				got += readUntil(t, r, `"message 0"`)
				w.Drain(t.Context())
				rest, _ := io.ReadAll(r) // a socket that is closed over unread input is reset
				got += string(rest)
				if !strings.HasSuffix(got, "event: bye\ndata: {\"reason\":\"drain\"}\n\n") || strings.Count(got, id) != 2 {
					t.Errorf("the stream is not whole: %q", got)
				}
				if strings.Count(got, "HTTP/1.1") != 1 || strings.Count(got, "hello") != 1 || !strings.Contains(got, "\r\nConnection: close\r\n") {
					t.Errorf("more than one answer: %q", got)
				}
			})
		}
	})
}
