package embedded

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon is how long a condition may take to come true before a test gives up.
const soon = 15 * time.Second

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(soon)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", soon, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// logged is a log that a test can read.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// shortDir is a directory of a short name, since a socket's path has little room.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "causette-") //nolint:usetesting // whose names are long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700); _ = os.RemoveAll(dir) })
	return dir
}

// nowhere is an address that nobody listens at: a port of one that was closed.
func nowhere(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// instance is a Redis that runs until its test ends, or stop is called.
type instance struct {
	*Redis
	log  *logged
	stop func()
}

func open(t testing.TB, address, dir string) *instance {
	t.Helper()
	i := &instance{log: &logged{}}
	i.Redis = Open(t.Context(), Options{Address: address, RuntimeDir: dir, TempDir: dir, Log: i.log.logger()})
	ctx, cancel := context.WithCancel(context.Background()) //nolint:usetesting // stopped in Cleanup
	done := make(chan error, 1)
	go func() { done <- i.Run(ctx) }()
	i.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(soon):
			t.Error("Run does not end")
		}
	})
	t.Cleanup(i.stop)
	return i
}

// connection is a client that says things literally.
type connection struct {
	net.Conn
	t testing.TB
}

func (i *instance) connect(t testing.TB) *connection {
	t.Helper()
	conn, err := i.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &connection{conn, t}
}

// ask sends bytes, and returns what the next read has, "" where the connection was closed.
func (c *connection) ask(sent string) string {
	c.t.Helper()
	_ = c.SetDeadline(time.Now().Add(soon))
	if _, err := c.Write([]byte(sent)); err != nil {
		return ""
	}
	answer := make([]byte, 4096)
	n, _ := c.Read(answer)
	return string(answer[:n])
}
