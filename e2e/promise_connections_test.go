//go:build linux

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Where floods and honest clients of these tests come from.
const (
	attacker = "127.0.0.2"
	honest   = "127.0.0.3"
	office   = "127.0.0.4"
)

// plainClients are the settings under which every loopback address is a client of
// its own, and nothing but connections is bounded.
var plainClients = append([]setting{"TRUSTED_PROXIES=none", "REQUEST_RATE=0", "LOG_LEVEL=warn", "GOMAXPROCS=2"}, quiet...)

// withFiles is a binary that may have so many files open.
func withFiles(t *testing.T, files int) func() (string, error) {
	t.Helper()
	return func() (string, error) {
		path, err := plainBinary()
		if err != nil {
			return "", err
		}
		script := filepath.Join(t.TempDir(), "causette")
		text := fmt.Sprintf("#!/bin/sh\nulimit -n %d && exec %s\n", files, path)
		return script, os.WriteFile(script, []byte(text), 0o700)
	}
}

// dialerFrom connects from an address.
func dialerFrom(ip string) *net.Dialer {
	return &net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
}

// attack is what a hostile client does with a connection, until it is cut off.
type attack func(ctx context.Context, conn net.Conn)

// flood keeps n connections from an address busy until the test ends, and returns
// once each has connected.
func flood(t *testing.T, i *instance, from string, n int, do attack) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var all, connected sync.WaitGroup
	t.Cleanup(func() { cancel(); all.Wait() })
	connected.Add(n)
	for range n {
		all.Go(func() {
			first := sync.OnceFunc(connected.Done)
			defer first()
			for ctx.Err() == nil {
				conn, err := dialerFrom(from).DialContext(ctx, "tcp", strings.TrimPrefix(i.base, "http://"))
				if err == nil {
					first()
					stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
					do(ctx, conn)
					stop()
					_ = conn.Close()
				}
				pause(ctx, 50*time.Millisecond)
			}
		})
	}
	connected.Wait()
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// attacks by what they do. Each ends when the server closes the connection.
var attacks = map[string]attack{
	"a tiny request every 600 ms": func(ctx context.Context, conn net.Conn) {
		answers := bufio.NewReader(conn)
		for ctx.Err() == nil {
			if !ask(conn, answers, "/healthz") {
				return
			}
			pause(ctx, 600*time.Millisecond)
		}
	},
	"silence": func(_ context.Context, conn net.Conn) { _, _ = io.Copy(io.Discard, conn) },
	"half a header": func(_ context.Context, conn net.Conn) {
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\nX: ")
		_, _ = io.Copy(io.Discard, conn)
	},
	"a header at a byte every 100 ms": func(ctx context.Context, conn net.Conn) {
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\nX: ")
		for ctx.Err() == nil {
			if _, err := conn.Write([]byte{'x'}); err != nil {
				return
			}
			pause(ctx, 100*time.Millisecond)
		}
	},
	"half a body": func(_ context.Context, conn net.Conn) {
		fmt.Fprint(conn, "POST /messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
		_, _ = io.Copy(io.Discard, conn)
	},
	"one request, and no other": func(_ context.Context, conn net.Conn) {
		answers := bufio.NewReader(conn)
		if ask(conn, answers, "/healthz") {
			_, _ = io.Copy(io.Discard, answers)
		}
	},
	"large answers that are not read": func(ctx context.Context, conn net.Conn) {
		_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		fmt.Fprint(conn, strings.Repeat("GET /messages?room=large&limit=200 HTTP/1.1\r\nHost: x\r\n\r\n", 20))
		var b [1]byte
		for ctx.Err() == nil {
			if _, err := conn.Read(b[:]); err != nil {
				return
			}
			pause(ctx, 100*time.Millisecond)
		}
	},
}

// ask makes a request and reads its answer, and reports whether it was 200.
func ask(conn net.Conn, answers *bufio.Reader, path string) bool {
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
		return false
	}
	answer, err := http.ReadResponse(answers, nil)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	return err == nil && answer.StatusCode == http.StatusOK && !answer.Close
}

func TestPromise3_OneAddressWithManyConnectionsShutsNobodyOut(t *testing.T) {
	t.Parallel()
	const (
		files       = 4096
		connections = 700
	)
	redis := startRedis(t)
	for name, do := range attacks {
		t.Run(name, func(t *testing.T) {
			i := launch(t, withFiles(t, files), freePort(t), append([]setting{redis.url()}, plainClients...)...)
			i.awaitReady(startup)
			if strings.HasPrefix(name, "large answers") {
				ana := enter(t, i.base, "ana")
				for n := range 200 {
					ana.say(t, i.base, "large", fmt.Sprint(n, strings.Repeat(" large", 300)))
				}
			}
			flood(t, i, attacker, connections, do)
			pause(t.Context(), 2*time.Second)
			serveHonest(t, i)
		})
	}
}

// serveHonest fails the test unless an honest address is served promptly: requests
// on connections of their own, and a post whose body takes three seconds.
func serveHonest(t *testing.T, i *instance) {
	t.Helper()
	var wg sync.WaitGroup
	defer wg.Wait()
	for n := range 4 {
		wg.Go(func() {
			if err := postSlowly(t.Context(), i, fmt.Sprintf("honest-%d", n), 3*time.Second); err != nil {
				t.Errorf("a post whose body takes 3 s: %v", err)
			}
		})
	}
	client := &http.Client{
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialerFrom(honest).DialContext},
		Timeout:   5 * time.Second,
	}
	for range 12 {
		begun := time.Now()
		a, err := callWith(t.Context(), client, http.MethodGet, i.base+"/healthz", "")
		if err != nil || a.status != http.StatusOK {
			t.Errorf("an honest request: status %d, %v after %s", a.status, err, time.Since(begun))
		}
		pause(t.Context(), 250*time.Millisecond)
	}
}

// postSlowly posts a message whose body comes at a byte every so often.
func postSlowly(ctx context.Context, i *instance, nickname string, takes time.Duration) error {
	conn, err := dialerFrom(honest).DialContext(ctx, "tcp", strings.TrimPrefix(i.base, "http://"))
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(takes + 10*time.Second)); err != nil {
		return err
	}
	body := fmt.Sprintf(`{"room":"slowly","nickname":%q,"text":"hello"}`, nickname)
	fmt.Fprintf(conn, "POST /messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(body))
	for n := range len(body) {
		if _, err := conn.Write([]byte{body[n]}); err != nil {
			return fmt.Errorf("cut after %d of %d bytes: %w", n, len(body), err)
		}
		pause(ctx, takes/time.Duration(len(body)))
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	return nil
}

func TestPromise3_AnOfficeBehindOneAddressIsServedWhole(t *testing.T) {
	t.Parallel()
	const people, tabs = 200, 6 // a browser opens six connections
	redis := startRedis(t)
	i := launch(t, withFiles(t, 4096), freePort(t), append([]setting{redis.url()}, plainClients...)...)
	i.awaitReady(startup)
	var served atomic.Int64
	var all sync.WaitGroup
	for range people * tabs {
		all.Go(func() {
			conn, err := dialerFrom(office).DialContext(t.Context(), "tcp", strings.TrimPrefix(i.base, "http://"))
			if err != nil {
				t.Errorf("connect: %v", err)
				return
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
				t.Error(err)
			}
			fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Errorf("no answer: %v", err)
				return
			}
			defer answer.Body.Close()
			if _, err := io.Copy(io.Discard, answer.Body); err == nil && answer.StatusCode == http.StatusOK {
				served.Add(1)
			}
			// The browser keeps the connection: who still waits must not need it to go.
			pause(t.Context(), 2*time.Second)
		})
	}
	all.Wait()
	if n := served.Load(); n != people*tabs {
		t.Errorf("%d connections of %d were served", n, people*tabs)
	}
}

func TestPromise4_ConnectionsOfOneAddressAreBoundedAndCounted(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	i := launch(t, withFiles(t, 1024), freePort(t), append([]setting{redis.url()}, plainClients...)...)
	i.awaitReady(startup)
	flood(t, i, attacker, 900, attacks["a header at a byte every 100 ms"])
	eventually(t, 20*time.Second, "the bound, in metrics", func() error {
		active, waits := i.metric(`causette_connections{state="active"}`), i.metric(`causette_connections{state="waiting"}`)
		dropped := i.metric(`causette_connections_closed_total{reason="overflow"}`)
		if active < 24 || active > 48 || waits < 100 || dropped == 0 {
			return fmt.Errorf("%v active, %v waiting, %v dropped", active, waits, dropped)
		}
		return nil
	})
	if n := i.openFiles(); n > 1024-64 {
		t.Errorf("%d files are open of 1024", n)
	}
}

// openFiles is how many descriptors the process has.
func (i *instance) openFiles() int {
	i.t.Helper()
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", i.cmd.Process.Pid))
	if err != nil {
		i.t.Fatal(err)
	}
	return len(all)
}

func TestPromise3_AHerdBehindOneAddressIsTakenIn(t *testing.T) {
	t.Parallel()
	const herd = 1500 // sixty times the places that one address has
	redis := startRedis(t)
	i := launch(t, withFiles(t, 4096), freePort(t), append([]setting{redis.url(), "STREAM_RATE=0"}, plainClients...)...)
	i.awaitReady(startup)
	var greeted atomic.Int64
	var all sync.WaitGroup
	for range herd {
		all.Go(func() {
			conn, err := dialerFrom(office).DialContext(t.Context(), "tcp", strings.TrimPrefix(i.base, "http://"))
			if err != nil {
				t.Errorf("connect: %v", err)
				return
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
				t.Error(err)
			}
			fmt.Fprint(conn, "GET /events?room=herd HTTP/1.1\r\nHost: x\r\n\r\n")
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				if lines.Text() == "event: hello" {
					greeted.Add(1)
					break
				}
			}
			pause(t.Context(), 2*time.Second) // all at once
		})
	}
	all.Wait()
	if n := greeted.Load(); n != herd {
		t.Errorf("%d of %d were let in; closed: %v as stale, %v of those who waited", n, herd,
			i.metric(`causette_connections_closed_total{reason="stale"}`), i.metric(`causette_connections_closed_total{reason="overflow"}`))
	}
}
