package main

import (
	"context"
	"encoding/json"
	"fmt"
)

// writeAttacks are those by what is stored or told.
func writeAttacks() []attack {
	return []attack{
		{
			name:      "fill",
			what:      "64 connections that write as much as may be: sessions, 7.6 KB a message, 1,000 rooms; Redis has 24 MB",
			instances: 2, memory: 24 << 20, strike: func(ctx context.Context, a *attacker) error {
				return a.volley(ctx, 64, func(ctx context.Context, w *worker) error {
					return w.speak(ctx, fmt.Sprintf("fill-%d", w.random.IntN(1000)), long)
				})
			},
		},
		{
			name: "sessions",
			what: "64 connections with as many sessions as may be, each speaking in the room at its full rate", instances: 2,
			strike: func(ctx context.Context, a *attacker) error {
				return a.volley(ctx, 64, func(ctx context.Context, w *worker) error {
					return w.speak(ctx, room, fmt.Sprintf(" loud %d-%d", w.number, w.turns))
				})
			},
		},
		{
			name: "renames", what: "32 connections that rename sessions with the tokens before their last", instances: 2,
			strike: func(ctx context.Context, a *attacker) error { return a.volley(ctx, 32, renameByOldToken) },
		},
		{
			name: "typing", what: "100 connections with `POST /typing`", instances: 2, strike: flood,
		},
	}
}

// speak says something under a session, taking one first if the worker has none.
func (w *worker) speak(ctx context.Context, room, text string) error {
	if w.token == "" && w.turns%20 == 0 { // and else as a guest
		if err := w.enter(ctx, ""); err != nil {
			return err
		}
	}
	post := map[string]string{"room": room, "text": text}
	if w.token == "" {
		post["nickname"] = fmt.Sprintf("guest%d", w.random.Uint32())
	}
	_, _, err := w.ask(ctx, w.post("/messages", post))
	return err
}

// enter takes a new nickname, under the session of a token or a new one. Where that is
// refused the worker's token stays.
func (w *worker) enter(ctx context.Context, token string) error {
	w.token, token = token, w.token
	nickname := map[string]string{"nickname": fmt.Sprintf("n%x", w.random.Uint64())}
	status, body, err := w.ask(ctx, w.post("/nicknames", nickname))
	if err != nil || status != 200 {
		w.token = token
		return err
	}
	var session struct{ Token string }
	err = json.Unmarshal(body, &session)
	w.token = session.Token
	return err
}

// renameByOldToken renames a session again and again with its first token.
func renameByOldToken(ctx context.Context, w *worker) error {
	if w.token == "" {
		return w.enter(ctx, "")
	}
	first := w.token
	err := w.enter(ctx, first)
	w.token = first
	return err
}

// flood tells the room that somebody is writing, and writing, and writing.
func flood(ctx context.Context, a *attacker) error {
	return a.volley(ctx, 100, func(ctx context.Context, w *worker) error {
		if w.token == "" && w.turns%20 == 0 {
			if err := w.enter(ctx, ""); err != nil {
				return err
			}
		}
		_, _, err := w.ask(ctx, w.post("/typing", map[string]string{"room": room}))
		return err
	})
}
