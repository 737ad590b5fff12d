package sse

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"causette/chat"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// eachWriter runs a test over real sockets with either writer.
func eachWriter(t *testing.T, test func(t *testing.T, o Options)) {
	t.Run("handler", func(t *testing.T) { test(t, Options{Log: quiet}) })
	if runtime.GOOS == "linux" {
		t.Run("poller", func(t *testing.T) { test(t, Options{Log: quiet, Poller: true}) })
	}
}

// dialRaw opens a stream on a connection of its own, and bounds its life.
func dialRaw(t *testing.T, srv *httptest.Server, query string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "GET /%s HTTP/1.1\r\nHost: x\r\n\r\n", query)
	return conn, bufio.NewReader(conn)
}

// closes is how many streams ended for a reason.
func (w *world) closes(why reason) int {
	return int(testutil.ToFloat64(w.o.Metrics.closes.WithLabelValues(string(why))))
}

// expectEnd reads what is left, which must end with a bye.
func expectEnd(t *testing.T, r io.Reader, why reason) {
	t.Helper()
	rest, err := io.ReadAll(r)
	if bye := fmt.Sprintf("event: bye\ndata: {\"reason\":%q}\n\n", string(why)); err != nil || !strings.HasSuffix(string(rest), bye) {
		t.Errorf("it ends with %q, %v", rest, err)
	}
}

func TestWriters_SendARawBodyThatEndsWithTheConnection(t *testing.T) {
	eachWriter(t, func(t *testing.T, o Options) {
		o.Drain = time.Millisecond
		w := newWorld(t, o)
		w.log.say(chat.Lobby, 1)
		_, r := dialRaw(t, serveHTTP(t, w, nil), "")
		head := readUntil(t, r, "retry: ")
		head, _, _ = strings.Cut(head, "retry: ")
		for _, want := range []string{
			"HTTP/1.1 200 OK\r\n", "\r\nContent-Type: text/event-stream\r\n", "\r\nCache-Control: no-cache, no-transform\r\n",
			"\r\nX-Accel-Buffering: no\r\n", "\r\nConnection: close\r\n",
		} {
			if !strings.Contains(head, want) {
				t.Errorf("no %q in %q", want, head)
			}
		}
		if strings.Contains(head, "Transfer-Encoding") || !strings.HasSuffix(head, "\r\n\r\n") {
			t.Errorf("the body is not raw: %q", head)
		}
		readUntil(t, r, "message 0")
		w.log.say(chat.Lobby, 1)
		readUntil(t, r, "message 1") // arrives by itself: it was flushed
		w.Drain(t.Context())
		expectEnd(t, r, drain)
	})
}

func TestWriters_AServersReadTimeoutDoesNotCutStreams(t *testing.T) {
	eachWriter(t, func(t *testing.T, o Options) {
		o.Heartbeat = 300 * time.Millisecond
		w := newWorld(t, o)
		_, r := dialRaw(t, serveHTTP(t, w, func(s *httptest.Server) { s.Config.ReadTimeout = 100 * time.Millisecond }), "")
		for range 3 {
			readUntil(t, r, "event: ping")
		}
	})
}

func TestWriters_CountWhatTheySend(t *testing.T) {
	eachWriter(t, func(t *testing.T, o Options) {
		o.Drain, o.Heartbeat = time.Millisecond, 200*time.Millisecond
		w := newWorld(t, o)
		srv := serveHTTP(t, w, nil)
		got := 0
		for range 3 {
			_, r := dialRaw(t, srv, "")
			got += len(after(readUntil(t, r, "event: hello"), "\r\n\r\n"))
			w.log.say(chat.Lobby, 2)
			got += len(readUntil(t, r, "event: ping"))
			w.log.lose()
			rest, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			got += len(rest)
		}
		until(t, func() bool { return int(testutil.ToFloat64(w.o.Metrics.bytes)) == got })
		until(t, func() bool { n, _ := observed(t, w.o.Metrics.delay); return n > 0 })
	})
}

func after(s, sep string) string { _, s, _ = strings.Cut(s, sep); return s }

// changing is what differs from stream to stream in the same events.
var changing = regexp.MustCompile(`retry: \d+|"at":"[^"]+"|Date: [^\r]+`)

var pinged = regexp.MustCompile(`event: ping\n[^\n]*\n\n`)

func TestWriters_SendTheSameBytes(t *testing.T) {
	var sent []string
	eachWriter(t, func(t *testing.T, o Options) {
		o.Instance, o.Heartbeat, o.Drain = "one", 400*time.Millisecond, time.Millisecond
		w := newWorld(t, o)
		srv := serveHTTP(t, w, nil)
		w.log.sayMore(chat.Lobby, 150, strings.Repeat("é", 700))
		var all strings.Builder
		for _, query := range []string{"", "?after=1000-3", "?after=1000-120", "?after=none"} {
			conn, r := dialRaw(t, srv, query)
			all.WriteString(readUntil(t, r, `"message 149`))
			all.WriteString(readUntil(t, r, "\n")) // the empty line
			w.log.live(chat.Lobby, chat.KindTyping, `{"who":{"id":"p_2"}}`)
			all.WriteString(readUntil(t, r, "p_2"))
			all.WriteString(readUntil(t, r, "\n"))
			all.WriteString(readUntil(t, r, "event: ping"))
			all.WriteString(readUntil(t, r, "\n"))
			all.WriteString(readUntil(t, r, "\n"))
			_ = conn.Close()
			until(t, func() bool { return strings.Count(w.who.heard(), "-") == strings.Count(w.who.heard(), "+") })
		}
		_, r := dialRaw(t, srv, "?after=1000-149")
		readUntil(t, r, "event: hello")
		readUntil(t, r, "\n")
		w.Drain(t.Context())
		rest, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(rest)
		// When a ping comes is chance: what they are is compared apart.
		same := changing.ReplaceAllString(all.String(), "")
		pings := pinged.FindAllString(same, -1)
		slices.Sort(pings)
		sent = append(sent, pinged.ReplaceAllString(same, "")+strings.Join(slices.Compact(pings), ""))
	})
	if len(sent) == 2 && sent[0] != sent[1] {
		t.Errorf("the handler sends %q\nthe poller %q", sent[0], sent[1])
	}
}
