package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"causette/chat"
	"causette/store"
)

func TestPostMessage_TakesJSONFormsAndPlainText(t *testing.T) {
	s := newServer(t)
	token := s.join("ana").Token
	for name, r := range map[string]request{
		"json":            {body: `{"text":"salut"}`, header: map[string]string{"Content-Type": "application/json; charset=utf-8"}},
		"form":            {body: "text=salut", header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}},
		"json sent as -d": {body: `{"text":"salut"}`, header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}},
		"plain text":      {body: "salut", header: map[string]string{"Content-Type": "text/plain"}},
		"unlabelled json": {body: ` {"text":"salut"}`},
		"unlabelled text": {body: "salut"},
		"query":           {path: "?text=salut"},
	} {
		t.Run(name, func(t *testing.T) {
			if r.header == nil {
				r.header = map[string]string{}
			}
			r.method, r.path = http.MethodPost, "/messages"+r.path
			r.header["Authorization"] = "Bearer " + token
			m := decode[chat.Message](t, s.do(r).expect(t, http.StatusCreated))
			if m.Text != "salut" || m.Author.Nickname != "ana" || m.ID.IsZero() || m.At.IsZero() {
				t.Errorf("got %+v", m)
			}
		})
	}
}

func TestPostMessage_PlainTextGoesToTheRoomInTheQuery(t *testing.T) {
	s := newServer(t)
	s.do(request{
		method: http.MethodPost, path: "/messages?room=tea&nickname=ana", body: "salut",
		header: map[string]string{"Content-Type": "text/plain"},
	}).expect(t, http.StatusCreated)
	if h := decode[history](t, s.get("/messages?room=tea").expect(t, http.StatusOK)); len(h.Messages) != 1 {
		t.Errorf("the room has %d messages", len(h.Messages))
	}
}

func TestPostMessage_TheSameNonceIsTheSameMessage(t *testing.T) {
	s := newServer(t)
	token := s.join("ana").Token
	first := s.post("/messages", token, `{"text":"salut","nonce":"n-1"}`).expect(t, http.StatusCreated)
	again := s.post("/messages", token, `{"text":"salut","nonce":"n-1"}`).expect(t, http.StatusOK)
	if first.body != again.body {
		t.Errorf("answers differ:\n%s\n%s", first.body, again.body)
	}
	s.post("/messages", token, `{"text":"adieu","nonce":"n-1"}`).expectProblem(t, http.StatusConflict, "nonce_reused")
}

func TestPostMessage_TheSameNonceAtOnceMakesOneMessage(t *testing.T) {
	s := newServer(t)
	token := s.join("ana").Token
	var mu sync.Mutex
	counts := map[int]int{}
	var posts sync.WaitGroup
	for range 8 {
		posts.Go(func() {
			a := s.post("/messages", token, `{"text":"salut","nonce":"once"}`)
			mu.Lock()
			defer mu.Unlock()
			counts[a.status]++
		})
	}
	posts.Wait()
	if counts[http.StatusCreated] != 1 || counts[http.StatusOK] != 7 {
		t.Errorf("statuses %v", counts)
	}
}

func TestPostMessage_ANicknameMayComeAlong(t *testing.T) {
	s := newServer(t)
	holder := s.join("bob")
	first := decode[chat.Message](t, s.post("/messages", "", `{"nickname":"ana","text":"salut"}`).expect(t, http.StatusCreated))
	again := decode[chat.Message](t, s.post("/messages", "", `{"nickname":"ana","text":"re"}`).expect(t, http.StatusCreated))
	other := decode[chat.Message](t, s.post("/messages", "", `{"nickname":"eve","text":"hey"}`).expect(t, http.StatusCreated))
	if first.Author.ID != again.Author.ID || first.Author.ID == other.Author.ID {
		t.Errorf("author ids %s, %s, %s", first.Author.ID, again.Author.ID, other.Author.ID)
	}
	p := s.post("/messages", "", `{"nickname":"BOB","text":"not me"}`).expectProblem(t, http.StatusConflict, "nickname_taken")
	if p.Field != "nickname" {
		t.Errorf("field %q", p.Field)
	}
	s.post("/messages", holder.Token, `{"nickname":"bob","text":"me"}`).expect(t, http.StatusCreated)
	s.post("/messages", holder.Token, `{"nickname":"ana","text":"me?"}`).expectProblem(t, http.StatusConflict, "nickname_differs")
	s.join("ana") // it was never claimed
}

func TestPostMessage_GuestsOfOneAddressShareItsRate(t *testing.T) {
	s := newServer(t, func(_ *Options, o *store.Options) { o.MessageRate, o.MessageBurst = 0.01, 2 })
	for _, nickname := range []string{"ana", "bob"} {
		s.post("/messages", "", `{"nickname":"`+nickname+`","text":"salut"}`).expect(t, http.StatusCreated)
	}
	a := s.post("/messages", "", `{"nickname":"eve","text":"salut"}`)
	a.expectProblem(t, http.StatusTooManyRequests, "rate_limited")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestGetMessages_PagesBackAndForth(t *testing.T) {
	s := newServer(t)
	token := s.join("ana").Token
	for n := range 25 {
		s.post("/messages", token, fmt.Sprintf(`{"text":"m%d"}`, n)).expect(t, http.StatusCreated)
	}
	newest := decode[history](t, s.get("/messages?limit=10"))
	if len(newest.Messages) != 10 || !newest.More || !strings.Contains(string(newest.Messages[9]), `"text":"m24"`) {
		t.Fatalf("newest page: %+v", newest)
	}
	older := decode[history](t, s.get("/messages?limit=20&before="+newest.Before.String()))
	if len(older.Messages) != 15 || older.More || older.Before != nil {
		t.Errorf("older page: %d messages, more %v, before %v", len(older.Messages), older.More, older.Before)
	}
	newer := decode[history](t, s.get("/messages?limit=20&after="+older.After.String()))
	if len(newer.Messages) != 10 || newer.More || string(newer.Messages[0]) != string(newest.Messages[0]) {
		t.Errorf("newer page: %+v", newer)
	}
	all := decode[history](t, s.get("/messages?after=0-0&limit=200"))
	if len(all.Messages) != 25 || all.After.String() != newest.After.String() {
		t.Errorf("from the start: %d messages", len(all.Messages))
	}
}

func TestGetMessages_AnEmptyRoomHasAnEmptyList(t *testing.T) {
	s := newServer(t)
	if body := s.get("/messages?room=nobody").expect(t, http.StatusOK).body; !strings.HasPrefix(body, `{"messages":[],"before":null,"after":null`) {
		t.Errorf("got %s", body)
	}
	if body := s.get("/messages?before=0-0").expect(t, http.StatusOK).body; !strings.HasPrefix(body, `{"messages":[]`) {
		t.Errorf("got %s", body)
	}
}

func TestGetMessages_WhatTheLogLostIsSaid(t *testing.T) {
	s := newServer(t)
	s.post("/messages", s.join("ana").Token, `{"text":"salut"}`).expect(t, http.StatusCreated)
	s.get("/messages?after=1-1").expectProblem(t, http.StatusGone, "gap")
}

func TestStorageFull_PostsSaySoAndWhen(t *testing.T) {
	s := newServer(t)
	token := s.join("ana").Token
	s.post("/messages", token, `{"text":"salut"}`).expect(t, http.StatusCreated)
	s.redis.SetError("OOM command not allowed when used memory > 'maxmemory'.") // to whatever is asked
	for path, body := range map[string]string{"/messages": `{"text":"salut","nonce":"n"}`, "/nicknames": `{"nickname":"bob"}`} {
		a := s.post(path, token, body)
		if a.expectProblem(t, http.StatusServiceUnavailable, "storage_full"); a.header.Get("Retry-After") != "10" {
			t.Errorf("%s: Retry-After %q", path, a.header.Get("Retry-After"))
		}
	}
	s.redis.SetError("")
	s.post("/messages", token, `{"text":"salut","nonce":"n"}`).expect(t, http.StatusCreated)
}

func TestUnavailable_WithoutRedisPostsSaySoAndWhen(t *testing.T) {
	s := newServer(t)
	token := s.join("ana").Token
	s.redis.Close()
	a := s.post("/messages", token, `{"text":"salut","nonce":"n"}`)
	a.expectProblem(t, http.StatusServiceUnavailable, "unavailable")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.get("/messages").expectProblem(t, http.StatusServiceUnavailable, "unavailable")
	s.get("/").expect(t, http.StatusOK)
	s.get("/healthz").expect(t, http.StatusOK)
	if err := s.redis.Restart(); err != nil {
		t.Fatal(err)
	}
	// What Retry-After asks for: the same again, until Redis is back.
	for a = s.post("/messages", token, `{"text":"salut","nonce":"n"}`); a.status == http.StatusServiceUnavailable && t.Context().Err() == nil; {
		a = s.post("/messages", token, `{"text":"salut","nonce":"n"}`)
	}
	a.expect(t, http.StatusCreated)
	if h := decode[history](t, s.get("/messages")); len(h.Messages) != 1 {
		t.Errorf("%d messages are kept", len(h.Messages))
	}
}

// history is what GET /messages answers.
type history struct {
	Messages []json.RawMessage `json:"messages"`
	Before   *chat.EventID     `json:"before"`
	After    *chat.EventID     `json:"after"`
	More     bool              `json:"more"`
}
