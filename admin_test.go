package main

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

func TestAdmin_ItsAddressFollowsThePort(t *testing.T) {
	for _, test := range []struct{ port, admin, want string }{
		{"4100", "", "127.0.0.1:14100"}, {"55535", "", "127.0.0.1:65535"}, {"55536", "", "127.0.0.1:45536"}, {"65535", "", "127.0.0.1:55535"},
		{"4100", "none", ""}, {"4100", ":9100", ":9100"}, {"4100", "[::1]:9100", "[::1]:9100"},
	} {
		c, err := parseConfig(map[string]string{"PORT": test.port, "ADMIN_ADDR": test.admin})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.adminAddress(); got != test.want {
			t.Errorf("port %s and %q: %q, want %q", test.port, test.admin, got, test.want)
		}
	}
}

func TestAdmin_ATakenAddressStopsTheStartOnlyIfItWasChosen(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	var output strings.Builder
	log := slog.New(slog.NewTextHandler(&output, nil))
	if _, err := listenAdmin(t.Context(), Config{AdminAddr: taken.Addr().String()}, log); err == nil || !strings.HasPrefix(err.Error(), "ADMIN_ADDR: ") {
		t.Errorf("chosen: %v", err)
	}
	byDefault := Config{Port: port - adminOffset} // the kernel gives ports from 32768 on
	if byDefault.adminAddress() != "127.0.0.1:"+strconv.Itoa(port) {
		t.Fatalf("no PORT has %d as its default", port)
	}
	if got, err := listenAdmin(t.Context(), byDefault, log); got != nil || err != nil || !strings.Contains(output.String(), "level=WARN") {
		t.Errorf("by default: %v, %v, log %s", got, err, output.String())
	}
}

func TestAdmin_OnLoopbackNoPageIsAnswered(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector())
	log := slog.New(slog.DiscardHandler)
	local := newAdminServer(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9100}, registry, log)
	public := newAdminServer(&net.TCPAddr{IP: net.IPv4zero, Port: 9100}, registry, log)
	for _, test := range []struct {
		name, path, host, header, value string
		local, public                   int
	}{
		{"Prometheus", "/metrics", "127.0.0.1:9100", "", "", 200, 200},
		{"by name", "/metrics", "localhost:9100", "", "", 200, 200},
		{"by name, in capitals", "/metrics", "LOCALHOST", "", "", 200, 200},
		{"IPv6", "/metrics", "[::1]:9100", "", "", 200, 200},
		{"a person", "/debug/pprof/", "127.0.0.1:9100", "Sec-Fetch-Site", "none", 200, 200},
		{"a profile", "/debug/pprof/heap", "127.0.0.1:9100", "", "", 200, 200},
		{"a page's fetch", "/metrics", "127.0.0.1:9100", "Origin", "http://evil.example", 403, 200},
		{"a page's image", "/debug/pprof/profile?seconds=1", "127.0.0.1:9100", "Sec-Fetch-Site", "cross-site", 403, 200},
		{"a page of another port", "/metrics", "localhost:9100", "Sec-Fetch-Site", "same-site", 403, 200},
		{"a name that points here", "/metrics", "evil.example:9100", "", "", 403, 200},
		{"a name that begins alike", "/metrics", "127.0.0.1.evil.example", "", "", 403, 200},
		{"no name", "/metrics", "", "", "", 403, 200},
		{"an address that browsers don't say much of", "/metrics", "0.0.0.0:9100", "", "", 403, 200},
		{"another such", "/metrics", "[::ffff:7f00:1]:9100", "", "", 403, 200},
		{"a page that is only the referrer", "/metrics", "127.0.0.1:9100", "Referer", "http://127.0.0.1:8000/", 403, 200},
		{"a link of its own index", "/debug/pprof/heap", "127.0.0.1:9100", "Referer", "http://127.0.0.1:9100/debug/pprof/", 200, 200},
		{"nothing else", "/", "127.0.0.1:9100", "", "", 404, 404},
	} {
		for server, want := range map[*http.Server]int{local: test.local, public: test.public} {
			r := httptest.NewRequest(http.MethodGet, test.path, nil)
			r.Host = test.host
			if test.header != "" {
				r.Header.Set(test.header, test.value)
			}
			w := httptest.NewRecorder()
			server.Handler.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s: %d, want %d", test.name, w.Code, want)
			}
		}
	}
}

func TestAdmin_ServesMetricsAndEndsWhenItIsClosed(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector())
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newAdminServer(listener.Addr(), registry, slog.New(slog.DiscardHandler))
	ended := make(chan error, 1)
	go func() { ended <- serveAdmin(server, listener) }()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(body), "go_goroutines") {
		t.Errorf("%v: %.200s", err, body)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAdmin_ConnectionsAreBounded(t *testing.T) {
	listener, err := listenAdmin(t.Context(), Config{AdminAddr: "127.0.0.1:0"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			accepted <- conn
		}
	}()
	dial := func() {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	var first net.Conn
	for range maxAdminConnections {
		dial()
		if conn := <-accepted; first == nil {
			first = conn
		} else {
			defer conn.Close()
		}
	}
	dial()
	select {
	case <-accepted:
		t.Error("one more was accepted")
	case <-time.After(50 * time.Millisecond):
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	_ = (<-accepted).Close() // it had waited for that place
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	<-accepted // closed: the goroutine has ended
}

// A profile, or a collection of garbage, takes the processor from those who chat.
func TestAdmin_OneProfileAtATime(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	profile := oneAtATime(func(http.ResponseWriter, *http.Request) { close(begun); <-end })
	ask := func() int {
		w := httptest.NewRecorder()
		profile(w, httptest.NewRequest(http.MethodGet, "/debug/pprof/profile", nil))
		return w.Code
	}
	first := make(chan int)
	go func() { first <- ask() }()
	<-begun
	if code := ask(); code != http.StatusServiceUnavailable {
		t.Errorf("the second: %d", code)
	}
	close(end)
	if code := <-first; code != http.StatusOK {
		t.Errorf("the first: %d", code)
	}
}
