//go:build linux

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clientAt is a client that keeps at most so many connections, all of them from one
// address of this machine.
func clientAt(t *testing.T, address string, connections int) *http.Client {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport := &http.Transport{DialContext: dialer.DialContext, MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 15 * time.Second}
}

// Promise 3: one address that asks for as much as it can gets what is its own, and hears
// no more refusals than it has connections a second. Nobody else notices.
func TestPromise3_OneAddressThatAsksWithoutEndIsHeldToItsBudget(t *testing.T) {
	t.Parallel()
	const (
		connections, seconds = 20, 4
		rate, burst          = 100, 1000
		page                 = 12 // units of GET /messages?limit=200
		most                 = (burst+rate*seconds)/page + connections*(seconds+2) + 50
	)
	one := startInstance(t, startRedis(t).url(), fmt.Sprintf("REQUEST_RATE=%d", rate), fmt.Sprintf("REQUEST_BURST=%d", burst), "MESSAGE_RATE=0")
	ana := enter(t, one.base, "ana")
	spender := clientAt(t, "127.0.0.7", connections)
	ctx, cancel := context.WithTimeout(t.Context(), seconds*time.Second)
	defer cancel()
	var granted, refused atomic.Int64
	var hammering sync.WaitGroup
	for range connections {
		hammering.Go(func() {
			for ctx.Err() == nil {
				a, err := callWith(ctx, spender, http.MethodGet, one.base+"/messages?limit=200", "")
				switch {
				case err != nil:
				case a.status == http.StatusOK:
					granted.Add(1)
				case a.status == http.StatusTooManyRequests:
					refused.Add(1)
				}
			}
		})
	}
	for n := 0; ctx.Err() == nil; n++ {
		ana.say(t, one.base, "", fmt.Sprint(n)) // which is never refused
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	hammering.Wait()
	if refused.Load() == 0 || granted.Load() == 0 || granted.Load()+refused.Load() > most {
		t.Errorf("%d requests granted and %d refused in %d s, want at most %d in all", granted.Load(), refused.Load(), seconds, most)
	}
	if counted := one.metric("causette_requests_refused_total"); counted < float64(refused.Load()) {
		t.Errorf("%v refusals are counted, want %d at least", counted, refused.Load())
	}
}

// Promise 3: refusals of any kind are paid for, and the last of them ends its connection.
func TestPromise3_RefusalsAreNotFree(t *testing.T) {
	t.Parallel()
	one := startInstance(t, startRedis(t).url(), "REQUEST_RATE=0.01", "REQUEST_BURST=100")
	refused := clientAt(t, "127.0.0.7", 1)
	for n := range 101 {
		a, err := callWith(t.Context(), refused, http.MethodPost, one.base+"/messages", `{"text":""}`)
		if err != nil {
			t.Fatal(err)
		}
		want := http.StatusUnprocessableEntity
		if n == 100 {
			want = http.StatusTooManyRequests
		}
		if a.status != want {
			t.Fatalf("refusal %d: status %d, want %d", n, a.status, want)
		}
	}
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.7")}}).DialContext(t.Context(), "tcp", strings.TrimPrefix(one.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, "GET /rooms HTTP/1.1\r\nHost: x\r\n\r\nGET /rooms HTTP/1.1\r\nHost: x\r\n\r\n")
	answers, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) || strings.Count(string(answers), "HTTP/1.1 429 ") != 1 {
		t.Errorf("two requests on a connection: %v, %s", err, answers)
	}
	if a := mustCall(t, http.StatusOK, http.MethodGet, one.base+"/rooms", ""); a.status != http.StatusOK {
		t.Error("somebody else is refused")
	}
}

// Promise 3: what can't be read, or told apart, is one owner; and an address is the same
// whatever a proxy writes around it.
func TestPromise3_AnAddressThatCannotBeReadIsCountedToo(t *testing.T) {
	t.Parallel()
	one := startInstance(t, startRedis(t).url(), "MAX_STREAMS_PER_IP=1")
	for name, pair := range map[string][2]string{
		"with a port":          {"192.0.2.1:4711", "192.0.2.1:4712"},
		"in brackets":          {"[2001:db8:1::1]", "[2001:db8:1::2]"},
		"in brackets, a port":  {"[2001:db8:2::1]:4711", "[2001:db8:2::2]:4712"},
		"link-local":           {"fe80::1%eth0", "fe80::2%eth0"},
		"that is none":         {"unknown", "_hidden"},
		"of a proxy's silence": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for n, from := range pair {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				request, err := http.NewRequestWithContext(ctx, http.MethodGet, one.base+"/events", nil)
				if err != nil {
					t.Fatal(err)
				}
				if from != "" {
					request.Header.Set("X-Forwarded-For", from)
				}
				response, err := requests.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				first := make([]byte, 512)
				read, err := io.ReadAtLeast(response.Body, first, 60) // retry, and the name of the first event
				if full := strings.Contains(string(first[:read]), "event: bye"); err != nil && read == 0 || full != (n == 1) {
					t.Errorf("stream %d from %q: %v, %s", n, from, err, first[:read])
				}
			}
		})
	}
}

// Promise 4: what an operator measures is the operator's.
func TestPromise4_MetricsAndProfilesAreNotOnThePublicPort(t *testing.T) {
	t.Parallel()
	one := startInstance(t, startRedis(t).url())
	addr := strings.TrimPrefix(one.base, "http://")
	for _, path := range []string{"/metrics", "/%6detrics", "//metrics", "/metrics/", "/./metrics", "/assets/../metrics", "/Metrics", "/debug/pprof/", "/debug/pprof/heap"} {
		if a := rawExchange(t, addr, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(a, "HTTP/1.1 404 ") || strings.Contains(a, "go_goroutines") {
			t.Errorf("%s: %.100s", path, a)
		}
	}
	if one.metric("go_goroutines") < 1 {
		t.Error("and not on their own either")
	}
	mustCall(t, http.StatusOK, http.MethodGet, one.admin+"/debug/pprof/cmdline", "")
	mustCall(t, http.StatusForbidden, http.MethodGet, one.admin+"/metrics", "", "Origin: http://evil.example")
}

// Promise 4: an address for metrics that nobody chose is no reason not to serve, one that
// somebody chose is.
func TestPromise4_ATakenAddressForMetricsIsSaid(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	port, taken := takeDefaultAdminPort(t)
	defer taken.Close()
	one := launch(t, checkedBinary, port, redis.url(), "ADMIN_ADDR=")
	one.awaitReady(startup)
	one.awaitOutput(startup, "ADMIN_ADDR chooses another")
	two := launch(t, checkedBinary, freePort(t), redis.url(), fmt.Sprintf("ADMIN_ADDR=127.0.0.1:%d", port+10000))
	if code := two.exitCode(startup); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	holdToOneLine(t, two, "ADMIN_ADDR", fmt.Sprint(port+10000))
	three := startInstance(t, redis.url(), "ADMIN_ADDR=none")
	if _, err := call(t.Context(), http.MethodGet, three.admin+"/metrics", ""); err == nil {
		t.Error("there are metrics all the same")
	}
}

// takeDefaultAdminPort is a free port whose instance would find that for its metrics taken.
func takeDefaultAdminPort(t *testing.T) (port int, taken net.Listener) {
	t.Helper()
	for range 100 { // a connection of somebody else's may have it for the moment
		port = freePort(t)
		if taken, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+10000)); err == nil {
			return port, taken
		}
	}
	t.Fatal("no port found whose 10000th next is free")
	return 0, nil
}

// Promise 4: a line of the log is bounded, whatever is asked for, and says what this server
// calls the request, not what a stranger does.
func TestPromise4_ALineOfTheLogIsBoundedAndItsRequestIDIsOurs(t *testing.T) {
	t.Parallel()
	one := startInstance(t, startRedis(t).url(), "TRUSTED_PROXIES=none")
	before := len(one.out.String())
	a := mustCall(t, http.StatusNotFound, http.MethodGet, one.base+"/"+strings.Repeat("%C3%A9", 4500), "", "X-Request-Id: not-the-servers")
	if id := a.header.Get("X-Request-Id"); id == "" || id == "not-the-servers" {
		t.Errorf("the id is %q", id)
	}
	one.awaitOutput(patience, "status=404")
	if log := one.out.String()[before:]; len(log) > 1000 || strings.Contains(log, "not-the-servers") {
		t.Errorf("%d bytes of log: %.600s", len(log), log)
	}
}
