package sse

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"causette/chat"
)

func TestHub_TwoReadersAtOnceOpenARoomOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		a, b := w.dial(t, Subscription{}), w.dial(t, Subscription{})
		said := w.log.say(chat.Lobby, 1)
		synctest.Wait()
		said = append(said, w.log.say(chat.Lobby, 1)...)
		for _, c := range []*client{a, b} {
			if got := c.messages(); len(got) == 0 || got[len(got)-1] != said[1] {
				t.Errorf("got %q", got)
			}
		}
		if n := w.log.count(&w.log.follows); n != 1 {
			t.Errorf("followed %d times", n)
		}
	})
}

func TestHub_ARoomThatDoesNotOpenIsTriedUntilItDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{Log: quiet})
		said := w.log.say(chat.Lobby, 10)
		w.log.setDown(true)
		c := w.connect(t, Subscription{History: 50})
		expect(t, "while Redis is away", c.news(), []string{`status {"redis":"down"}`})
		if _, _, retry := readSSE(c.raw()); retry < 1000 || retry > 3000 {
			t.Errorf("retry is %d", retry)
		}
		time.Sleep(100 * time.Second)
		pings := c.heard()
		if len(pings) < 7 || len(pings) > 9 || !isPing(pings[0]) {
			t.Errorf("in 100 s: %q", pings)
		}
		w.log.setDown(false)
		time.Sleep(maxBackoff)
		expect(t, "when it is back", c.news(), append([]string{helloOf(fresh, 1), `status {"redis":"up"}`}, said...))
		if n := w.log.count(&w.log.follows); n < 50 || n > 120 {
			t.Errorf("tried %d times in 100 s", n)
		}
	})
}

// stuckLog is a store that does not answer.
type stuckLog struct{ *fakeLog }

func (l stuckLog) Follow(ctx context.Context, _ chat.RoomID, _ int, _ chat.Sink) (chat.EventID, error) {
	<-ctx.Done()
	return chat.EventID{}, fmt.Errorf("%w: %w", chat.ErrUnavailable, ctx.Err())
}

func TestHub_ASilentRedisIsToldOfAfterASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{Log: quiet})
		w.source = stuckLog{w.log}
		c := w.connect(t, Subscription{})
		expect(t, "at once", c.news(), []string{})
		time.Sleep(openPatience)
		expect(t, "after a second", c.news(), []string{`status {"redis":"down"}`})
		c.hangUp()
		if got := w.who.heard(); got != "" {
			t.Errorf("presence heard %q of one who never got in", got)
		}
	})
}

func TestHub_ARoomClosesSomeTimeAfterItsLastReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		a, b := w.connect(t, Subscription{}), w.connect(t, Subscription{})
		a.hangUp()
		time.Sleep(time.Minute)
		if w.log.rooms[chat.Lobby].sink == nil {
			t.Fatal("closed under its reader")
		}
		b.hangUp()
		time.Sleep(29 * time.Second)
		c := w.connect(t, Subscription{})
		time.Sleep(time.Minute)
		if n := w.log.count(&w.log.follows); n != 1 || w.log.rooms[chat.Lobby].sink == nil {
			t.Fatalf("closed under a reader who came in time; followed %d times", n)
		}
		c.hangUp()
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if w.log.rooms[chat.Lobby].sink != nil || w.openRooms() != 0 {
			t.Fatal("still open")
		}
		said := w.log.say(chat.Lobby, 1)
		d := w.connect(t, Subscription{History: 50})
		expect(t, "reopened", d.messages(), said)
	})
}

func TestHub_ARoomLingersFromItsLatestLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		for range 4 {
			w.connect(t, Subscription{}).hangUp()
			time.Sleep(20 * time.Second)
		}
		if n := w.log.count(&w.log.follows); n != 1 {
			t.Errorf("opened %d times", n)
		}
	})
}

func TestHub_ATimerThatCouldNotBeStoppedClosesNoRoomInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		c := w.connect(t, Subscription{})
		w.expire(w.rooms[chat.Lobby])
		said := w.log.say(chat.Lobby, 1)
		expect(t, "messages", c.messages(), said)
	})
}

func TestHub_WhoComesWhileARoomClosesWaitsForItsNextLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		said := w.log.say(chat.Lobby, 1)
		held := make(chan struct{})
		w.log.unfollow = func(chat.RoomID) { <-held }
		w.connect(t, Subscription{}).hangUp()
		time.Sleep(31 * time.Second) // the room is closing, and Redis slow
		c, d := w.connect(t, Subscription{History: 9}), w.connect(t, Subscription{History: 9})
		close(held)
		expect(t, "one", c.messages(), said)
		expect(t, "two", d.messages(), said)
		if n := w.log.count(&w.log.follows); n != 2 {
			t.Errorf("followed %d times", n)
		}
	})
}

func TestHub_ARoomNobodyWaitsForAnyMoreIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{Log: quiet})
		w.log.setDown(true)
		w.connect(t, Subscription{}).hangUp()
		time.Sleep(time.Minute)
		n := w.log.count(&w.log.follows)
		time.Sleep(time.Minute)
		if m := w.log.count(&w.log.follows); m != n || w.openRooms() != 0 {
			t.Errorf("still trying: %d, then %d times", n, m)
		}
	})
}

func TestHub_CloseEndsRoomsAndStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{Log: quiet})
		open := w.connect(t, Subscription{})
		w.connect(t, Subscription{Room: "left"}).hangUp()
		w.log.setDown(true)
		waiting := w.connect(t, Subscription{Room: "other"})
		w.Close()
		for _, c := range []*client{open, waiting} {
			if !c.ended() || !strings.HasSuffix(c.raw(), "event: bye\ndata: {\"reason\":\"drain\"}\n\n") {
				t.Errorf("got %q", c.raw())
			}
		}
		if w.openRooms() != 0 || w.log.rooms[chat.Lobby].sink != nil {
			t.Error("a room is left")
		}
		w.Close() // twice does no harm
	})
}

func TestHub_RoomsAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		a := w.connect(t, Subscription{Room: "a"})
		b := w.connect(t, Subscription{Room: "b"})
		said := w.log.say("a", 2)
		expect(t, "in a", a.messages(), said)
		expect(t, "in b", b.messages(), []string{})
	})
}
