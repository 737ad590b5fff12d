package main

import (
	"context"
	"fmt"
)

// historyMessages is how many messages of 1.2 KB the room of the honest has before, where
// its history is what is asked for.
const historyMessages = 400

// requestAttacks are those by reads and by what is refused.
func requestAttacks() []attack {
	history := func(ctx context.Context, s *siege) error { return s.fillRoom(ctx, room, historyMessages, long[:1201]) }
	return []attack{
		{
			name: "history", what: "300 connections with `GET /messages?limit=200`", fill: history,
			strike: func(ctx context.Context, a *attacker) error {
				return a.asking(ctx, 300, func(w *worker) []byte { return w.get("/messages?limit=200&room=" + room) })
			},
		},
		{
			name: "page", what: "300 connections with `GET /rooms/{room}`", fill: history,
			strike: func(ctx context.Context, a *attacker) error {
				return a.asking(ctx, 300, func(w *worker) []byte { return w.get("/rooms/" + room) })
			},
		},
		{
			name: "lists", what: "200 connections with `GET /participants` and `GET /rooms`",
			strike: func(ctx context.Context, a *attacker) error {
				return a.asking(ctx, 200, func(w *worker) []byte {
					if w.turns%2 == 0 {
						return w.get("/rooms?limit=200")
					}
					return w.get("/participants?room=" + room)
				})
			},
		},
		{
			name: "refused",
			what: "100 connections with posts that are refused: a taken nickname, a nonce with another text, no text",
			strike: func(ctx context.Context, a *attacker) error {
				return a.asking(ctx, 100, refusedPost)
			},
		},
		{
			name:      "unreadable",
			what:      "200 connections and 300 streams behind a trusted proxy that writes addresses nobody can read",
			instances: 2, settings: []string{"TRUSTED_PROXIES="}, fill: history, strike: comeUnread,
		},
	}
}

// asking has n workers ask again and again on connections that they keep.
func (a *attacker) asking(ctx context.Context, n int, next func(*worker) []byte) error {
	return a.volley(ctx, n, func(ctx context.Context, w *worker) error {
		_, _, err := w.ask(ctx, next(w))
		return err
	})
}

// refusedPost is a post that is never accepted, but for the first with the nonce.
func refusedPost(w *worker) []byte {
	post := map[string]string{"room": room, "text": fmt.Sprintf("again %d-%d", w.number, w.turns), "nickname": "refused"}
	switch w.turns % 3 {
	case 0:
		post["nickname"] = posterName(w.turns / 3 % siegePosters)
	case 1:
		post["nonce"] = "always-this-one"
	case 2:
		post["text"] = " "
	}
	return w.post("/messages", post)
}

// unreadableAddresses are what stands in X-Forwarded-For where a proxy adds a port or a
// zone, and what a client wrote itself; %d is different each time.
var unreadableAddresses = []string{
	"fe80::%x%%eth0", "192.0.2.7:%d",
	"[2001:db8::%x]", "[2001:db8::%x]:443", "unknown-%d", "_hidden%d",
}

func comeUnread(ctx context.Context, a *attacker) error {
	return a.volley(ctx, 500, func(ctx context.Context, w *worker) error {
		n := w.random.Uint32N(1 << 16)
		field := "X-Forwarded-For: " + fmt.Sprintf(unreadableAddresses[w.random.IntN(len(unreadableAddresses))], n)
		if w.number%5 > 1 {
			return w.hold(ctx, w.get("/events?history=500&room="+room, field), holdFor)
		}
		_, _, err := w.ask(ctx, w.get("/messages?limit=200&room="+room, field))
		return err
	})
}
