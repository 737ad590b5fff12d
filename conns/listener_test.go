package conns

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve serves handler on loopback until the test ends.
func serve(t *testing.T, l *Limiter, handler http.Handler) (addr string) {
	t.Helper()
	inner, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: l.Handler(handler), ConnState: l.StateChanged, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(l.Listener(inner)); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { _ = server.Close(); <-ended })
	return inner.Addr().String()
}

func TestListener_WhoWaitsIsServedInTurnAndWhatIsLeftIsClosed(t *testing.T) {
	l := New(Options{Limit: 2})
	addr := serve(t, l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	var all []net.Conn
	for range 20 {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		all = append(all, conn)
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	for _, conn := range all {
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		said := make([]byte, len("HTTP/1.1 200"))
		if _, err := io.ReadFull(conn, said); err != nil || string(said) != "HTTP/1.1 200" {
			t.Errorf("answered %q, %v", said, err)
		}
	}
}

func TestListener_AcceptAndCloseEndTogether(t *testing.T) {
	inner, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := New(Options{Limit: 1}).Listener(inner)
	var waiting []net.Conn
	for range 3 {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		waiting = append(waiting, conn)
	}
	first, err := b.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	_ = b.Close() // net/http does so too
	for range 2 {
		if _, err := b.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accepted with %v", err)
		}
	}
	for _, conn := range waiting[1:] {
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := conn.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
			t.Errorf("one that waited was left open: %v", err)
		}
	}
}
