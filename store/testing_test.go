package store

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

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
	client, err := Dial(redisURL(addr))
	if err != nil {
		panic(err)
	}
	s := New(client, quick())
	s.Join(lobby, ana, "")
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
	return New(dialURL(t, redisURL(addr)), o)
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
