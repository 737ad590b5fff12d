//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// answer is what a server said to one request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call makes one request. A body is JSON unless the header lines, given as
// "Name: value", say otherwise.
func call(ctx context.Context, method, url, body string, header ...string) (answer, error) {
	return callWith(ctx, requests, method, url, body, header...)
}

func callWith(ctx context.Context, client *http.Client, method, url, body string, header ...string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	response, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	a := answer{status: response.StatusCode, header: response.Header}
	a.body, err = io.ReadAll(io.LimitReader(response.Body, 4<<20))
	return a, err
}

// mustCall is call for a test's own goroutine: it fails the test on an error of
// the network or another status than want.
func mustCall(t *testing.T, want int, method, url, body string, header ...string) answer {
	t.Helper()
	a, err := call(t.Context(), method, url, body, header...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	if a.status != want {
		t.Fatalf("%s %s: status %d, want %d: %s", method, url, a.status, want, a.body)
	}
	return a
}

// problem is an RFC 9457 body.
type problem struct {
	Status     int    `json:"status"`
	Code       string `json:"code"`
	Detail     string `json:"detail"`
	Suggestion string `json:"suggestion"`
}

// problem reads the answer as a problem, or says why it is none.
func (a answer) problem() (problem, error) {
	var p problem
	if kind := a.header.Get("Content-Type"); !strings.HasPrefix(kind, "application/problem+json") {
		return p, fmt.Errorf("content type %q of %q, want application/problem+json", kind, a.body)
	}
	if err := json.Unmarshal(a.body, &p); err != nil {
		return p, fmt.Errorf("problem %q: %w", a.body, err)
	}
	if p.Code == "" || p.Status != a.status {
		return p, fmt.Errorf("problem %s with HTTP status %d: no code, or another status", a.body, a.status)
	}
	return p, nil
}

type person struct {
	ID       string `json:"id"`
	Nickname string `json:"nickname"`
}

type message struct {
	ID     string `json:"id"`
	At     string `json:"at"`
	Author person `json:"author"`
	Text   string `json:"text"`
	Nonce  string `json:"nonce"`
}

// asJSON is v as a request body.
func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only for what this package itself made
	}
	return string(b)
}

// read decodes a JSON text of the server.
func read[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("decode %q: %v", text, err)
	}
	return v
}

// visitor is somebody with a session.
type visitor struct {
	ID       string `json:"id"`
	Nickname string `json:"nickname"`
	Token    string `json:"token"`
}

// bearer is the header line that makes a request this visitor's.
func (v visitor) bearer() string { return "Authorization: Bearer " + v.Token }

// enter makes a session with a nickname on an instance.
func enter(t *testing.T, base, nickname string) visitor {
	t.Helper()
	a := mustCall(t, http.StatusOK, http.MethodPost, base+"/nicknames", asJSON(map[string]string{"nickname": nickname}))
	v := read[visitor](t, string(a.body))
	if v.ID == "" || v.Nickname != nickname || v.Token == "" {
		t.Fatalf("POST /nicknames answered %s", a.body)
	}
	return v
}

// post is a message as a client sends it.
type post struct {
	Room     string `json:"room,omitempty"`
	Text     string `json:"text"`
	Nonce    string `json:"nonce,omitempty"`
	Nickname string `json:"nickname,omitempty"`
}

// say posts a message on an instance and returns it as accepted.
func (v visitor) say(t *testing.T, base, room, text string) message {
	t.Helper()
	a := mustCall(t, http.StatusCreated, http.MethodPost, base+"/messages", asJSON(post{Room: room, Text: text}), v.bearer())
	return read[message](t, string(a.body))
}

// people are the nicknames of those in a room, sorted, as an instance knows them,
// and how many participants there are, named or not.
func people(ctx context.Context, base, room string) (names []string, participants int, err error) {
	a, err := call(ctx, http.MethodGet, base+"/participants?room="+room, "")
	if err != nil {
		return nil, 0, err
	}
	var v struct {
		Participants int      `json:"participants"`
		People       []person `json:"people"`
	}
	if err := json.Unmarshal(a.body, &v); err != nil {
		return nil, 0, fmt.Errorf("participants: status %d: %w", a.status, err)
	}
	for _, p := range v.People {
		if p.Nickname != "" {
			names = append(names, p.Nickname)
		}
	}
	slices.Sort(names)
	return names, v.Participants, nil
}

// history is a room's whole log, read by pages from an instance.
func history(t *testing.T, base, room string) []message {
	t.Helper()
	var all []message
	after := "0-0"
	for {
		a := mustCall(t, http.StatusOK, http.MethodGet, base+"/messages?room="+room+"&limit=100&after="+after, "")
		page := read[struct {
			Messages []message `json:"messages"`
		}](t, string(a.body))
		if len(page.Messages) == 0 {
			return all
		}
		all = append(all, page.Messages...)
		after = all[len(all)-1].ID
	}
}
