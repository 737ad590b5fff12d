package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"causette/conns"
)

func TestMain(m *testing.M) {
	// net/http waits half a second before it closes a connection that it cut off, so
	// that the client can read why; goleak waits about as long.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// short is the bound of the phase that a test is about; all others are as good as none.
const short = 50 * time.Millisecond

// startWeb serves handler as an instance does, with these timeouts where they are
// not zero, and at most so many connections.
func startWeb(t *testing.T, limit int, given timeouts, handler http.HandlerFunc) (addr string) {
	t.Helper()
	for _, d := range []*time.Duration{&given.header, &given.read, &given.write, &given.idle} {
		if *d == 0 {
			*d = time.Hour
		}
	}
	limiter := conns.New(conns.Options{Limit: limit})
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newWebServer(handler, limiter, given, slog.New(slog.DiscardHandler))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(limiter.Listener(l))
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
	return l.Addr().String()
}

// answer takes in a request and answers it.
func answer(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusRequestTimeout)
		return
	}
	_, _ = io.WriteString(w, "hello\n")
}

// dial connects, for less than twenty seconds.
func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// dribble sends one byte after the other, until the other end has had enough.
func dribble(conn net.Conn, b byte) (ended <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := conn.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	return done
}

// expectOver fails unless the server ends the connection, whatever it says before.
func expectOver(t *testing.T, conn net.Conn) string {
	t.Helper()
	said, err := io.ReadAll(conn)
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		t.Error("the connection is still there")
	}
	return string(said)
}

func TestSlowLoris_EveryPhaseOfARequestIsBounded(t *testing.T) {
	for _, phase := range []struct {
		name     string
		timeouts timeouts
		begin    string
		dribbled byte // 0: nothing more comes
	}{
		{"connects and says nothing", timeouts{header: short}, "", 0},
		{"a request line that does not end", timeouts{header: short}, "GET /", 'x'},
		{"a header that does not end", timeouts{header: short}, "GET / HTTP/1.1\r\nHost: x\r\nX: ", 'x'},
		{"a header that stops", timeouts{header: short}, "GET / HTTP/1.1\r\nHost: x\r\n", 0},
		{"empty lines before a request", timeouts{header: short}, "", '\n'},
		{"a body that does not end", timeouts{read: short}, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 'x'},
		{"a body that stops", timeouts{read: short}, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", 0},
		{"a chunk that stops", timeouts{read: short}, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n", 0},
		{"a chunk size that does not end", timeouts{read: short}, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", '0'},
		{"no second request", timeouts{idle: short}, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0},
	} {
		t.Run(phase.name, func(t *testing.T) {
			conn := dial(t, startWeb(t, 0, phase.timeouts, answer))
			fmt.Fprint(conn, phase.begin)
			var ended <-chan struct{}
			if phase.dribbled != 0 {
				ended = dribble(conn, phase.dribbled)
			}
			said := expectOver(t, conn)
			if phase.timeouts.idle != 0 && !strings.Contains(said, "hello") {
				t.Errorf("the first request was answered %q", said)
			}
			_ = conn.Close()
			if ended != nil {
				<-ended
			}
		})
	}
}

func TestSlowLoris_AnAnswerThatNobodyReadsIsBounded(t *testing.T) {
	over := make(chan error, 1)
	addr := startWeb(t, 0, timeouts{write: short}, func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for err == nil {
			_, err = io.WriteString(w, strings.Repeat("x", 64<<10))
		}
		over <- err
	})
	for _, reads := range []int{0, 1} {
		conn := dial(t, addr)
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, err := io.CopyN(io.Discard, conn, int64(reads)); err != nil {
			t.Error(err)
		}
		select {
		case err := <-over:
			if err == nil {
				t.Error("all of it was written to one who does not read")
			}
		case <-time.After(20 * time.Second):
			t.Fatal("it is still being written")
		}
	}
}

// What net/http answers before there is a request that could have a problem+json.
func TestWeb_AHeaderThatIsTooLongIsRefused(t *testing.T) {
	addr := startWeb(t, 0, timeouts{}, answer)
	for name, request := range map[string]string{
		"one line":        "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 2*maxHeader) + "\r\n\r\n",
		"many lines":      "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: x\r\n", maxHeader/3) + "\r\n",
		"an address":      "GET /" + strings.Repeat("x", 2*maxHeader) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"it does not end": "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 2*maxHeader),
	} {
		conn := dial(t, addr)
		go func() { _, _ = io.WriteString(conn, request) }()
		line, _ := bufio.NewReader(conn).ReadString('\n')
		if !strings.HasPrefix(line, "HTTP/1.1 431 ") {
			t.Errorf("%s: %q", name, line)
		}
	}
}

// What net/http would answer by itself, nobody would be charged for.
func TestWeb_OptionsOfTheWholeServerAreTheHandlersBusiness(t *testing.T) {
	addr := startWeb(t, 0, timeouts{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	conn := dial(t, addr)
	if _, err := io.WriteString(conn, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if line, _ := bufio.NewReader(conn).ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 418 ") {
		t.Errorf("%q", line)
	}
}

func TestWeb_WhoeverSaysNothingMakesRoomForWhoeverDoes(t *testing.T) {
	const limit = 8
	addr := startWeb(t, limit, timeouts{}, answer)
	for range 3 * limit {
		dial(t, addr) // and never a word
	}
	for range 3 {
		conn := dial(t, addr)
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if said := expectOver(t, conn); !strings.HasSuffix(said, "hello\n") {
			t.Errorf("the answer is %q", said)
		}
	}
}
