package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// What stands in the rooms that readers catch up in.
const (
	bigRoom      = "big"
	bigMessages  = 1500 // of 7.6 KB: 11 MB
	manyRooms    = 200
	manyMessages = 60 // a room, of 7.6 KB: 91 MB
	holdFor      = 5 * time.Second
)

// streamAttacks are those by GET /events.
func streamAttacks() []attack {
	big := func(ctx context.Context, s *siege) error { return s.fillRoom(ctx, bigRoom, bigMessages, long) }
	return []attack{
		{
			name: "behind", what: "600 streams that read nothing, with `Last-Event-ID` all over a room of 11 MB",
			fill: big, strike: func(ctx context.Context, a *attacker) error { return a.fallBehind(ctx, 600, siegeFor) },
		},
		{
			name: "behind-1200", what: "1,200 of them, each of which comes anew after 5 s",
			fill: big, strike: func(ctx context.Context, a *attacker) error { return a.fallBehind(ctx, 1200, holdFor) },
		},
		{
			name: "tails", what: "600 streams that read nothing, with `history=500`, in 200 rooms of 450 KB",
			memory: 128 << 20, fill: fillManyRooms, strike: openTails,
		},
		{
			name: "nameless", what: "150 nameless streams in the room and 60 in new rooms, and somebody who writes in each of 60 new rooms",
			strike: crowdRooms,
		},
		{
			name: "churn", what: "streams opened and closed as fast as may be, by 100 connections",
			strike: churn,
		},
	}
}

// fillManyRooms fills rooms one after the other.
func fillManyRooms(ctx context.Context, s *siege) error {
	for n := range manyRooms {
		if err := s.fillRoom(ctx, manyRoom(n), manyMessages, long); err != nil {
			return err
		}
	}
	return nil
}

func manyRoom(n int) string { return fmt.Sprintf("many-%d", n%manyRooms) }

// fallBehind has n streams resume all over the big room, and read nothing for a while.
func (a *attacker) fallBehind(ctx context.Context, n int, lasts time.Duration) error {
	epoch, last, err := a.newest(ctx, bigRoom)
	if err != nil {
		return err
	}
	return a.volley(ctx, n, func(ctx context.Context, w *worker) error {
		id := fmt.Sprintf("%s-%d", epoch, w.random.Int64N(last+1))
		return w.hold(ctx, w.get("/events?room="+bigRoom, "Last-Event-ID: "+id), lasts)
	})
}

// newest is the id of a room's newest message.
func (a *attacker) newest(ctx context.Context, room string) (epoch string, seq int64, err error) {
	w := &worker{attacker: a, host: a.Hosts[0]}
	defer w.drop()
	_, body, err := w.ask(ctx, w.get("/messages?limit=1&room="+room))
	if err != nil {
		return "", 0, err
	}
	var page struct{ Messages []struct{ ID string } }
	if err := json.Unmarshal(body, &page); err != nil || len(page.Messages) == 0 {
		return "", 0, fmt.Errorf("no newest message in %.200s: %w", body, err)
	}
	at, err := parsePosition(page.Messages[0].ID)
	return at.epoch, at.seq, err
}

// hold sends a request for a stream, reads nothing of it, and drops it after a while.
func (w *worker) hold(ctx context.Context, request []byte, lasts time.Duration) error {
	if err := w.connect(ctx); err != nil {
		return err
	}
	if small, ok := w.conn.(interface{ SetReadBuffer(bytes int) error }); ok {
		if err := small.SetReadBuffer(4 << 10); err != nil {
			return err
		}
	}
	if err := w.say(ctx, request); err != nil {
		return err
	}
	_ = pause(ctx, lasts) // the volley looks at ctx
	w.drop()
	return nil
}

func openTails(ctx context.Context, a *attacker) error {
	return a.volley(ctx, 3*manyRooms, func(ctx context.Context, w *worker) error {
		return w.hold(ctx, w.get("/events?history=500&room="+manyRoom(w.number)), holdFor)
	})
}

// crowdRooms has most streams read the room of the honest, and others hold new rooms,
// where somebody writes too.
func crowdRooms(ctx context.Context, a *attacker) error {
	return a.volley(ctx, 240, func(ctx context.Context, w *worker) error {
		at := room
		if w.number%8 > 4 {
			at = fmt.Sprintf("new-%d", w.number%60)
		}
		if w.number%8 == 7 {
			_, _, err := w.ask(ctx, w.post("/messages", map[string]string{"room": at, "nickname": "crowd", "text": "here"}))
			return err
		}
		if err := w.say(ctx, w.get("/events?room="+at)); err != nil {
			return err
		}
		return w.readAll()
	})
}

func churn(ctx context.Context, a *attacker) error {
	return a.volley(ctx, 100, func(ctx context.Context, w *worker) error {
		if err := w.say(ctx, w.get("/events?room="+room)); err != nil {
			return err
		}
		_, err := w.in.ReadByte()
		w.drop()
		return err
	})
}
