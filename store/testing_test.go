package store

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"causette/chat"
)

func TestMain(m *testing.M) {
	if addr := os.Getenv(otherInstance); addr != "" {
		beAnInstance(addr)
	}
	goleak.VerifyTestMain(m)
}

// otherInstance is the variable that makes of the test binary an instance, whose
// Redis it names, with ana in the lobby. It runs until it is killed.
const otherInstance = "CAUSETTE_TEST_INSTANCE_OF"

func beAnInstance(addr string) {
	client, err := Dial("redis://" + addr)
	if err != nil {
		panic(err)
	}
	s := New(client, quick())
	s.Join(lobby, ana)
	panic(s.Run(context.Background()))
}

// startInstance starts an instance in a process of its own.
func startInstance(t *testing.T, addr string) *os.Process {
	t.Helper()
	cmd := exec.Command(os.Args[0]) //nolint:noctx // killed below
	cmd.Env = append(os.Environ(), otherInstance+"="+addr)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd.Process
}

// soon is how long a condition may take to come true before a test gives up.
const soon = 15 * time.Second

// eachRedis runs a test against an embedded Redis and against a real one.
func eachRedis(t *testing.T, test func(t *testing.T, addr string)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) { test(t, miniredis.RunT(t).Addr()) })
	t.Run("redis", func(t *testing.T) { test(t, startRedis(t).addr) })
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
	client, err := Dial("redis://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// quick are options that make time-dependent things happen soon.
func quick() Options {
	return Options{
		HistoryTTL: time.Hour, NoticeLimit: 100,
		Lease: 900 * time.Millisecond, PresenceEvery: 20 * time.Millisecond, HealthEvery: 50 * time.Millisecond,
		PingEvery: time.Second, Timeout: time.Second, Log: slog.New(slog.DiscardHandler),
	}
}

// idle makes a Store that does not run: enough for everything but feed and presence.
func idle(t testing.TB, addr string, o Options) *Store {
	t.Helper()
	return New(dial(t, addr), o)
}

// running makes a Store that runs until the test ends, or stop is called: then it
// has stopped as a killed process would, telling nobody.
func running(t testing.TB, addr string, o Options) (s *Store, stop func()) {
	t.Helper()
	s = idle(t, addr, o)
	return s, run(t, s)
}

// run runs a Store until the test ends, or stop is called.
func run(t testing.TB, s *Store) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background()) //nolint:usetesting // stopped in Cleanup
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// eventually waits for a condition.
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

// recorder is a [chat.Sink] that keeps everything.
type recorder struct {
	mu     sync.Mutex
	events []chat.Event // guarded by mu; Replace is one of kind "replace"
	more   chan struct{}
}

func newRecorder() *recorder { return &recorder{more: make(chan struct{}, 1)} }

func (r *recorder) Receive(e chat.Event) {
	r.mu.Lock()
	r.events = append(r.events, e)
	r.mu.Unlock()
	select {
	case r.more <- struct{}{}:
	default:
	}
}

func (r *recorder) Replace() { r.Receive(chat.Event{Kind: "replace"}) }

func (r *recorder) all() []chat.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// of is what came of one kind.
func (r *recorder) of(kind chat.Kind) (list []chat.Event) {
	for _, e := range r.all() {
		if e.Kind == kind {
			list = append(list, e)
		}
	}
	return list
}

// texts is what the messages said, and "<replace>" for a Replace.
func (r *recorder) texts(t testing.TB) (list []string) {
	t.Helper()
	for _, e := range r.all() {
		switch e.Kind {
		case chat.KindMessage:
			list = append(list, textOf(t, e))
		case "replace":
			list = append(list, "<replace>")
		}
	}
	return list
}

// data is the data of what came of one kind.
func (r *recorder) data(kind chat.Kind) (list []string) {
	for _, e := range r.of(kind) {
		list = append(list, string(e.Data))
	}
	return list
}

// wait waits until what came is as wanted.
func (r *recorder) wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(soon)
	for !ok() {
		select {
		case <-r.more:
		case <-deadline:
			t.Fatalf("not within %s: %s; got %s", soon, what, summary(r.all()))
		}
	}
}

func summary(events []chat.Event) (s string) {
	for i, e := range events {
		if i == 40 {
			return s + fmt.Sprintf("… %d in all", len(events))
		}
		s += fmt.Sprintf("\n\t%s %s %s", e.Kind, e.ID, e.Data)
	}
	return s
}

func textOf(t testing.TB, e chat.Event) string {
	t.Helper()
	m, err := chat.ParseMessage(e)
	if err != nil {
		t.Fatal(err)
	}
	return string(m.Text)
}

func textsOf(t testing.TB, events []chat.Event) []string {
	t.Helper()
	list := []string{}
	for _, e := range events {
		list = append(list, textOf(t, e))
	}
	return list
}

// numbers is "from" to "to" as texts.
func numbers(from, to int) []string {
	list := []string{}
	for i := from; i <= to; i++ {
		list = append(list, strconv.Itoa(i))
	}
	return list
}

// contiguous fails unless the messages' ids have no hole and no double; epochs may change.
func contiguous(t testing.TB, events []chat.Event) {
	t.Helper()
	for i := 1; i < len(events); i++ {
		if !events[i-1].ID.Adjoins(events[i].ID) {
			t.Fatalf("%s is followed by %s", events[i-1].ID, events[i].ID)
		}
	}
}

const lobby = chat.Lobby

func post(text string) Post {
	return Post{Room: lobby, Guest: true, Who: "p_ana", Message: chat.Message{
		At: chat.Instant{Time: time.Now()}, Author: chat.Person{ID: "p_ana", Nickname: "ana"}, Text: chat.Text(text),
	}}
}

// say appends one message that must be accepted.
func say(t testing.TB, s *Store, text string) chat.Message {
	t.Helper()
	receipt, err := s.Append(t.Context(), post(text))
	if err != nil {
		t.Fatalf("append %q: %v", text, err)
	}
	return receipt.Message
}

// sayNumbers appends the numbers as texts, and returns the ids.
func sayNumbers(t testing.TB, s *Store, from, to int) (ids []chat.EventID) {
	t.Helper()
	for _, text := range numbers(from, to) {
		ids = append(ids, say(t, s, text).ID)
	}
	return ids
}

// follow follows the lobby, which must work.
func follow(t testing.TB, s *Store, load int) (*recorder, chat.EventID) {
	t.Helper()
	r := newRecorder()
	head, err := s.Follow(t.Context(), lobby, load, r)
	if err != nil {
		t.Fatal(err)
	}
	return r, head
}
