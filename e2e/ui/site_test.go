//go:build linux

package ui

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"

	"causette/addr"
	"causette/api"
	"causette/chat"
	"causette/sse"
	"causette/store"
)

// site is a whole Causette on a port of its own.
type site struct {
	// Static after construction.
	t     *testing.T
	addr  string
	url   string
	redis *miniredis.Miniredis
	store *store.Store
	hub   *sse.Hub
	// now dates what others say. Static after the test's first lines.
	now func() time.Time

	// answer may answer a request in the server's place; it says whether it did.
	answer atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]

	mu      sync.Mutex
	handler http.Handler          // guarded by mu
	server  *http.Server          // guarded by mu; nil while stopped
	conns   map[net.Conn]struct{} // guarded by mu
	seen    map[string]int        // guarded by mu: requests by method and path
}

type options struct {
	store *store.Options
	hub   *sse.Options
}

func newSite(t *testing.T, change ...func(options)) *site {
	t.Helper()
	s := &site{t: t, redis: miniredis.RunT(t), now: time.Now, conns: map[net.Conn]struct{}{}, seen: map[string]int{}}
	s.build(t, s.redis, change...)
	return s
}

// twin is another instance on the same Redis.
func (s *site) twin() *site {
	other := &site{t: s.t, redis: s.redis, now: s.now, conns: map[net.Conn]struct{}{}, seen: map[string]int{}}
	other.build(s.t, s.redis)
	return other
}

func (s *site) build(t *testing.T, redis *miniredis.Miniredis, change ...func(options)) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	client, err := store.Dial("redis://" + redis.Addr())
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	name := strings.ToLower(rand.Text()[:8])
	so := store.Options{Instance: name, NoticeLimit: 100, LeaveDelay: 300 * time.Millisecond, HealthEvery: 100 * time.Millisecond, Log: log}
	ho := sse.Options{Instance: name, Log: log, Metrics: sse.NewMetrics(registry), Heartbeat: 15 * time.Second}
	for _, f := range change {
		f(options{&so, &ho})
	}
	s.store = store.New(client, so)
	s.hub = sse.NewHub(ho, s.store, s.store)
	s.handler, err = api.New(api.Options{
		Store: s.store, Hub: s.hub, Instance: name, SessionSecrets: []string{"a secret of more than thirty-two characters"}, Registry: registry,
		Log: log, TrustedProxies: addr.Ranges{netip.MustParsePrefix("127.0.0.0/8")}, Embedded: func() bool { return false }, Draining: func() bool { return false },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.store.Run(ctx) }()
	s.addr = "127.0.0.1:0"
	s.start()
	s.url = "http://" + s.addr
	t.Cleanup(func() {
		s.stop()
		s.hub.Close()
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = client.Close()
	})
}

// start listens again where the site was before.
func (s *site) start() {
	s.t.Helper()
	var listener net.Listener
	var err error
	for range 100 {
		if listener, err = net.Listen("tcp", s.addr); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond) // the kernel lets go of the port
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	server := &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second, ConnState: s.track,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	s.mu.Lock()
	s.server = server
	s.mu.Unlock()
	go func() { _ = server.Serve(listener) }()
}

// stop is a pulled plug: nobody listens any more, and every connection is cut.
func (s *site) stop() {
	s.mu.Lock()
	server := s.server
	s.server = nil
	s.mu.Unlock()
	if server == nil {
		return
	}
	_ = server.Close()
	s.cut()
}

// cut cuts every connection. New ones are served.
func (s *site) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
	clear(s.conns)
}

func (s *site) track(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew, http.StateHijacked:
		s.conns[c] = struct{}{}
	case http.StateClosed:
		delete(s.conns, c)
	}
}

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.seen[r.Method+" "+r.URL.Path]++
	handler := s.handler
	s.mu.Unlock()
	if f := s.answer.Load(); f != nil && (*f)(w, r) {
		return
	}
	handler.ServeHTTP(w, r)
}

// requests is how many of them came, such as "POST /messages".
func (s *site) requests(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[what]
}

// instead has f answer what it wants to, in the server's place.
func (s *site) instead(f func(w http.ResponseWriter, r *http.Request) bool) { s.answer.Store(&f) }

// honest ends instead.
func (s *site) honest() { s.answer.Store(nil) }

// author is somebody else, with an id made of the name.
func author(name string) chat.Person {
	return chat.Person{ID: "p_" + strings.ToLower(name), Nickname: chat.Nickname(name)}
}

// somebody is the session that speaks for all others, and may hold a nickname.
const somebody = "p_other"

// say has somebody else say something in the lobby.
func (s *site) say(name, text string) chat.Message {
	s.t.Helper()
	return s.sayAt(chat.Lobby, s.now(), name, text)
}

func (s *site) sayAt(room chat.RoomID, at time.Time, name, text string) chat.Message {
	s.t.Helper()
	var receipt store.Receipt
	eventually(s.t, func() error {
		var err error
		receipt, err = s.store.Append(s.t.Context(), store.Post{Room: room, Guest: true, Session: somebody, Who: "p_" + name,
			Message: chat.Message{At: chat.Instant{Time: at}, Author: author(name), Text: chat.Text(text)}})
		return err
	})
	return receipt.Message
}

// fill says n messages, in groups of two authors.
func (s *site) fill(n int) {
	s.t.Helper()
	begun := s.now().Add(-time.Duration(n) * time.Minute)
	for i := range n {
		s.sayAt(chat.Lobby, begun.Add(time.Duration(i)*time.Minute), []string{"Alice", "Bob"}[i/3%2], fmt.Sprintf("message %d", i))
	}
}

// texts are the texts in the room's log.
func (s *site) texts(room chat.RoomID) []string {
	s.t.Helper()
	page, err := s.store.Before(s.t.Context(), room, chat.EventID{}, 200)
	if err != nil {
		s.t.Fatal(err)
	}
	var all []string
	for _, e := range page.Events {
		m, err := chat.ParseMessage(e)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, string(m.Text))
	}
	return all
}

// typist has somebody else be seen writing.
func (s *site) typist(name string) {
	s.t.Helper()
	if err := s.store.Typing(s.t.Context(), chat.Lobby, author(name), ""); err != nil {
		s.t.Fatal(err)
	}
}

// notice has the lobby hear that somebody did something.
func (s *site) notice(kind chat.NoticeKind, name string) {
	s.t.Helper()
	data := fmt.Sprintf(`{"kind":%q,"who":{"id":"p_%s","nickname":%q},"at":%q}`, kind, strings.ToLower(name), name, s.now().UTC().Format(time.RFC3339Nano))
	if err := s.store.PublishLive(s.t.Context(), chat.Lobby, chat.Event{Kind: chat.KindNotice, Data: []byte(data)}); err != nil {
		s.t.Fatal(err)
	}
}

// html is what the server answers to a GET, before any script.
func (s *site) html(path string) string {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodGet, s.url+path, nil)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w.Body.String()
}

func eventually(t *testing.T, try func() error) {
	t.Helper()
	deadline := time.After(patience)
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-deadline:
			t.Fatal(err)
		}
	}
}
