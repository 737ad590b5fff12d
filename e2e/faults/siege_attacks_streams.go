package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// What stands in the rooms that readers catch up in.
const (
	bigRooms     = 6
	bigMessages  = 1500 // a room, of 7.6 KB: 11 MB
	manyRooms    = 200
	manyMessages = 60 // a room, of 7.6 KB: 91 MB
	holdFor      = 5 * time.Second
)

// streamAttacks are those by GET /events.
func streamAttacks() []attack {
	big := func(ctx context.Context, s *siege) error { return fillRooms(ctx, s, "big", bigRooms, bigMessages) }
	many := func(ctx context.Context, s *siege) error { return fillRooms(ctx, s, "many", manyRooms, manyMessages) }
	return []attack{
		{
			name: "behind", what: "600 streams that read nothing, with `Last-Event-ID` all over six rooms of 11 MB",
			memory: 128 << 20, fill: big, strike: fallBehind(600, siegeFor),
		},
		{
			name: "behind-1200", what: "1,200 of them, each of which comes anew after 5 s",
			memory: 128 << 20, fill: big, strike: fallBehind(1200, holdFor),
		},
		{
			name: "tails", what: "600 streams that read nothing, with `history=500`, in 200 rooms of 450 KB",
			memory: 128 << 20, fill: many, strike: openTails,
		},
		{
			name:   "nameless",
			what:   "150 nameless streams in the room and 60 in new rooms, and somebody who writes in each of 60 new rooms",
			strike: crowdRooms,
		},
		{
			name: "churn", what: "streams opened and closed as fast as may be, by 100 connections",
			strike: churn,
		},
	}
}

// fillRooms fills rooms of a name, one after the other.
func fillRooms(ctx context.Context, s *siege, name string, rooms, messages int) error {
	for n := range rooms {
		if err := s.fillRoom(ctx, numbered(name, n), messages, long); err != nil {
			return err
		}
	}
	return nil
}

func numbered(name string, n int) string { return fmt.Sprintf("%s-%d", name, n) }

// fallBehind has n streams resume all over the big rooms, and read nothing for a while.
func fallBehind(n int, lasts time.Duration) func(context.Context, *attacker) error {
	return func(ctx context.Context, a *attacker) error {
		var newest [bigRooms]position
		for i := range newest {
			var err error
			if newest[i], err = a.newest(ctx, numbered("big", i)); err != nil {
				return err
			}
		}
		return a.volley(ctx, n, func(ctx context.Context, w *worker) error {
			i := w.random.IntN(bigRooms)
			id := fmt.Sprintf("%s-%d", newest[i].epoch, w.random.Int64N(newest[i].seq+1))
			return w.hold(ctx, w.get("/events?room="+numbered("big", i), "Last-Event-ID: "+id), lasts)
		})
	}
}

// newest is the id of a room's newest message.
func (a *attacker) newest(ctx context.Context, room string) (position, error) {
	w := &worker{attacker: a, host: a.Hosts[0]}
	defer w.drop()
	_, body, err := w.ask(ctx, w.get("/messages?limit=1&room="+room))
	if err != nil {
		return position{}, err
	}
	var page struct{ Messages []struct{ ID string } }
	if err := json.Unmarshal(body, &page); err != nil || len(page.Messages) == 0 {
		return position{}, fmt.Errorf("no newest message in %.200s: %w", body, err)
	}
	return parsePosition(page.Messages[0].ID)
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
		return w.hold(ctx, w.get("/events?history=500&room="+numbered("many", w.number%manyRooms)), holdFor)
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
