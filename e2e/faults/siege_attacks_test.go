package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// stub answers what attacks ask for, and counts requests and where they come from.
type stub struct {
	requests, strangers atomic.Int64
	server              *httptest.Server
}

func newStub(t *testing.T) *stub {
	s := &stub{}
	s.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		switch {
		case r.URL.Path == "/events":
			fmt.Fprint(w, "event: hello\n\n")
		case r.URL.Path == "/messages" && r.Method == http.MethodGet:
			fmt.Fprint(w, `{"messages":[{"id":"1795383673803-57"}]}`)
		case r.URL.Path == "/nicknames":
			fmt.Fprint(w, `{"token":"t"}`)
		case strings.HasPrefix(r.URL.Path, "/nothing"):
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	s.server.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		if host, _, _ := net.SplitHostPort(conn.RemoteAddr().String()); state == http.StateNew && host != attackerAddress {
			s.strangers.Add(1)
		}
	}
	s.server.Start()
	t.Cleanup(s.server.Close)
	return s
}

// attack has a small attacker strike for a while.
func (s *stub) attack(t *testing.T, a attack, lasts time.Duration) *attacker {
	t.Helper()
	hand := &attacker{
		order: order{Hosts: []string{s.server.Listener.Addr().String()}, Share: 0.05},
		until: time.Now().Add(lasts),
	}
	hand.left.Store(500)
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	if err := a.strike(ctx, hand); err != nil && ctx.Err() == nil {
		t.Error(err)
	}
	return hand
}

func TestAttacks_ComeFromOneAddressAndEndInTime(t *testing.T) {
	for _, a := range attacks() {
		if a.name == "nobody" {
			continue
		}
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			s, begun := newStub(t), time.Now()
			got := s.attack(t, a, 300*time.Millisecond).tally()
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
			if got.Opened == 0 || s.strangers.Load() > 0 || got.Opened > 501 {
				t.Errorf("%d connections, %d from elsewhere", got.Opened, s.strangers.Load())
			}
			if s.requests.Load() == 0 && a.name != "silent" && a.name != "slow" {
				t.Error("it asked nothing")
			}
		})
	}
}

func TestVolley_EndsWhenTheRequestsAreUsedUp(t *testing.T) {
	s := newStub(t)
	list, err := chosenAttacks("unknown")
	if err != nil {
		t.Fatal(err)
	}
	got := s.attack(t, list[0], time.Minute).tally()
	if got.Answers["404"] != 500 || s.requests.Load() != 500 {
		t.Errorf("%s, the server saw %d requests: want 500 of 404", got, s.requests.Load())
	}
}

func TestChosenAttacks_RefusesOneThatThereIsNot(t *testing.T) {
	if list, err := chosenAttacks("silent,nonsense"); err == nil {
		t.Errorf("chose %v", list)
	}
	names := map[string]bool{}
	for _, a := range attacks() {
		if names[a.name] || a.what == "" || a.strike == nil {
			t.Errorf("attack %q: twice, or not whole", a.name)
		}
		names[a.name] = true
	}
}
