package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// writer posts one message after the other, each until it is accepted.
type writer struct {
	// Static after construction.
	number int
	room   string
	ledger *ledger
	bases  []string // tried in turn
	every  time.Duration
	first  time.Duration // from the start to the first message, beside every; spreads the posts of many
	client *http.Client  // nil for the one of all writers
	// accepted is told of each message when it was due and how long it took from then; nil for nobody.
	accepted func(due time.Time, took time.Duration)

	padding func() string // what every text ends with; owned by the writer's goroutine

	nickname, token string // owned by the writer's goroutine
	turn            int    // owned by the writer's goroutine; the base that answered last
}

// run posts from message first on until enough is closed, and returns which would
// be next. What has been begun then is still insisted on.
func (w *writer) run(ctx context.Context, first int, enough <-chan struct{}) (int, error) {
	_ = pause(ctx, w.first) // the loop looks at ctx
	pace := time.NewTicker(w.every)
	defer pace.Stop()
	for n := first; ; n++ {
		var due time.Time
		select {
		case <-enough:
			return n, nil
		case <-ctx.Done():
			return n, nil
		case due = <-pace.C:
		}
		if err := w.insist(ctx, n); err != nil {
			return n, err
		}
		if w.accepted != nil {
			w.accepted(due, time.Since(due))
		}
	}
}

// patience is how long a writer insists: longer than any harm lasts.
const patience = 2 * time.Minute

// insist posts a message until it is accepted. Any answer but accepted, 503 and 429
// is an error; that nobody answers is none.
func (w *writer) insist(ctx context.Context, n int) error {
	p := post{w.number, n}
	body := map[string]string{
		"room": w.room, "text": p.text(w.padding()), "nonce": fmt.Sprintf("w%d-m%d", w.number, n),
	}
	if w.token == "" {
		body["nickname"] = w.nickname
	}
	return until(ctx, patience, fmt.Sprintf("writer %d has message %d accepted", w.number, n), func(ctx context.Context) error {
		status, answer, err := w.send(ctx, "/messages", body)
		if err != nil {
			return err
		}
		switch status {
		case http.StatusCreated, http.StatusOK:
			var m struct{ ID string }
			if err := json.Unmarshal(answer, &m); err != nil {
				return err
			}
			at, err := parsePosition(m.ID)
			if err == nil {
				w.ledger.accept(w.room, p, at)
			}
			return err
		case http.StatusUnprocessableEntity: // the session's nickname went with Redis's data
			if w.token != "" {
				return w.enter(ctx)
			}
		}
		return fmt.Errorf("status %d: %.200s", status, answer)
	})
}

// enter takes the nickname, under the session there is or a new one.
func (w *writer) enter(ctx context.Context) error {
	status, answer, err := w.send(ctx, "/nicknames", map[string]string{"nickname": w.nickname})
	if err != nil {
		return err
	}
	var session struct{ Token string }
	if err := json.Unmarshal(answer, &session); err != nil || status != http.StatusOK {
		return fmt.Errorf("nickname: status %d: %.200s", status, answer)
	}
	w.token = session.Token
	return fmt.Errorf("entered again")
}

// send posts JSON to the base that answered last, and goes on to the next if it
// does not answer in time.
func (w *writer) send(ctx context.Context, path string, body map[string]string) (int, []byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.bases[w.turn%len(w.bases)]+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if w.token != "" {
		request.Header.Set("Authorization", "Bearer "+w.token)
	}
	response, err := cmp.Or(w.client, posting).Do(request)
	if err != nil {
		w.turn++
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, answer, err
}

// posting keeps connections, as a program that posts a lot does; one that is dead
// is an error like any other, which is what the nonce is for.
var posting = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}

// writers are those of a row.
type writers struct {
	list   []*writer
	enough chan struct{} // closed by stop
	wg     sync.WaitGroup

	mu   sync.Mutex
	next []int // guarded by mu
	err  error // guarded by mu; the first
}

// startWriters has all of them post until stop.
func startWriters(ctx context.Context, list []*writer) *writers {
	ws := &writers{list: list, enough: make(chan struct{}), next: make([]int, len(list))}
	for i, w := range list {
		ws.wg.Go(func() {
			n, err := w.run(ctx, 0, ws.enough)
			ws.mu.Lock()
			defer ws.mu.Unlock()
			ws.next[i] = n
			if ws.err == nil {
				ws.err = err
			}
		})
	}
	return ws
}

// stop waits until the last message begun is accepted.
func (ws *writers) stop() error {
	close(ws.enough)
	ws.wg.Wait()
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return ws.err
}

// last has every writer post once more, and returns these messages: who has them
// all has heard of everything.
func (ws *writers) last(ctx context.Context) ([]post, error) {
	var ends []post
	for i, w := range ws.list {
		if err := w.insist(ctx, ws.next[i]); err != nil {
			return nil, err
		}
		ends = append(ends, post{w.number, ws.next[i]})
		ws.next[i]++
	}
	return ends, nil
}
