package store

import (
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
)

// eachRedis runs a test against an embedded Redis, which admits only some commands, and
// against a real one.
func eachRedis(t *testing.T, test func(t *testing.T, addr string)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) { test(t, embedRedis(t)) })
	t.Run("redis", func(t *testing.T) { test(t, startRedis(t).addr) })
}

// embedRedis holds an embedded Redis until the test ends, and returns its socket's path.
func embedRedis(t testing.TB) string {
	t.Helper()
	e := embedIn(t, freeAddr(t), socketDir(t))
	if !e.Holding() {
		t.Fatalf("no Redis could be embedded: %s", e.log)
	}
	return e.socket
}

// redisURL is that of an address, or of a socket's path.
func redisURL(addr string) string {
	if strings.HasPrefix(addr, "/") {
		return "unix://" + addr
	}
	return "redis://" + addr
}

// realRedisServer is a redis-server of a test's own.
type realRedisServer struct {
	addr string
	args []string
	cmd  *exec.Cmd
}

// startRedis starts a redis-server on a free port, with further arguments.
func startRedis(t testing.TB, args ...string) *realRedisServer {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("redis-server is missing: apt-get install redis-server")
	}
	addr := freeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	r := &realRedisServer{addr: addr, args: append([]string{
		"--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "", "--loglevel", "warning",
	}, args...)}
	r.start(t)
	t.Cleanup(r.kill)
	return r
}

func (r *realRedisServer) start(t testing.TB) {
	t.Helper()
	r.cmd = exec.Command("redis-server", r.args...) //nolint:noctx // ended by kill
	r.cmd.Stderr = os.Stderr
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "redis-server answers", func() bool {
		conn, err := net.Dial("tcp", r.addr) //nolint:noctx // refused or accepted at once
		if err != nil {
			return false
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("PING\r\n"))
		answer := make([]byte, 64)
		n, _ := conn.Read(answer)
		return string(answer[:n]) == "+PONG\r\n" // not while it loads its data
	})
}

// kill ends the server as a crash would.
func (r *realRedisServer) kill() {
	if r.cmd != nil {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
		r.cmd = nil
	}
}

// freeze stops the server without ending its connections.
func (r *realRedisServer) freeze(t testing.TB) { r.signal(t, syscall.SIGSTOP) }

func (r *realRedisServer) thaw(t testing.TB) { r.signal(t, syscall.SIGCONT) }

func (r *realRedisServer) signal(t testing.TB, sig os.Signal) {
	t.Helper()
	if err := r.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// freeAddr is a loopback address that nobody listens at. Its port, and that of a Redis
// Cluster's bus, 10,000 above, lie below those that the kernel takes for outgoing
// connections, so that they can be had again after a kill.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 1000 {
		port := 12_000 + rand.IntN(9_000)
		if canListen(port) && canListen(port+10_000) {
			return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		}
	}
	t.Fatal("no free port between 12000 and 21000")
	return ""
}

func canListen(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // at once
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

// dial makes a client that is closed with the test.
func dial(t testing.TB, addr string) redis.UniversalClient {
	t.Helper()
	return dialURL(t, redisURL(addr)).rest
}

// dialURL makes clients that are closed with the test.
func dialURL(t testing.TB, url string) *Clients {
	t.Helper()
	clients, err := Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = clients.Close() })
	return clients
}
