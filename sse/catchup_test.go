package sse

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"causette/chat"
)

func TestStream_BackfillJoinsTheTailWhileTheLogGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{TailSize: 4 << 10}) // some 40 messages
		said := w.log.say(chat.Lobby, 500)
		c, resume := w.dialStalled(t, Subscription{LastEventID: said[9]})
		synctest.Wait()
		for range 20 { // while it is stuck in its first page
			said = append(said, w.log.say(chat.Lobby, 10)...)
			w.log.live(chat.Lobby, chat.KindTyping, "{}")
		}
		resume()
		expect(t, "messages", c.messages(), said[10:])
		said = w.log.say(chat.Lobby, 1)
		expect(t, "then live", c.messages(), said)
	})
}

func TestStream_WhatChangedDuringBackfillIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		said := w.log.say(chat.Lobby, 600)
		c, resume := w.dialStalled(t, Subscription{LastEventID: said[0]})
		synctest.Wait()
		w.connect(t, Subscription{Person: chat.Person{ID: "p_2"}})
		w.log.live(chat.Lobby, chat.KindStatus, `{"redis":"down"}`)
		resume()
		got := c.news()
		for _, news := range []string{`presence {"participants":2,"named":0}`, `status {"redis":"down"}`} {
			i := slices.Index(got, news)
			if i < 0 {
				t.Fatalf("never heard of %s", news)
			}
			got = slices.Delete(got, i, i+1)
		}
		expect(t, "the rest", got[1:], said[1:])
	})
}

func TestStream_ALogTrimmedDuringBackfillEndsItAsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		said := w.log.say(chat.Lobby, 600)
		c, resume := w.dialStalled(t, Subscription{LastEventID: said[0]})
		synctest.Wait()
		w.log.trim(chat.Lobby, 200)
		resume()
		if !c.ended() {
			t.Error("it goes on")
		}
		got := c.news()
		if len(got) != 2+pageSize || got[len(got)-1] != `bye {"reason":"slow"}` {
			t.Errorf("got %d, the last %q", len(got), got[len(got)-1])
		}
		again := w.connect(t, Subscription{LastEventID: got[len(got)-2], History: 1})
		expect(t, "on its return", again.news(), []string{helloOf(gap, 1), said[599]})
	})
}

// The log has nothing more; by the time that it says so, the tail has gone past.
func TestStream_ATailThatGoesPastWhileTheLogIsAskedIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{TailSize: 4 << 10}) // some 40 messages
		w.connect(t, Subscription{})                 // opens the room
		w.log.hold(chat.Lobby)
		said := w.log.say(chat.Lobby, 1)
		w.log.answered = func() {
			w.log.release(chat.Lobby)
			said = append(said, w.log.say(chat.Lobby, 100)...)
		}
		c := w.connect(t, Subscription{LastEventID: said[0]}) // it had that from another instance
		time.Sleep(firstBackoff)
		expect(t, "messages", c.messages(), said[1:])
	})
}

func TestStream_APositionThisInstanceHasYetToLearnIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		w.connect(t, Subscription{}) // opens the room
		w.log.hold(chat.Lobby)
		said := w.log.say(chat.Lobby, 3)
		c := w.connect(t, Subscription{LastEventID: said[0]}) // it had that from another instance
		w.log.release(chat.Lobby)
		said = append(said, w.log.say(chat.Lobby, 1)...)
		expect(t, "messages", c.messages(), said[1:])
	})
}

func TestStream_ALogThatCannotBeReadIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		said := w.log.say(chat.Lobby, 300)
		w.connect(t, Subscription{Person: chat.Person{ID: "p_2"}}) // opens the room
		w.log.setDown(true)
		c := w.connect(t, Subscription{LastEventID: said[0]})
		expect(t, "at first", c.news(), []string{`status {"redis":"down"}`})
		if !strings.HasPrefix(c.raw(), "retry: ") {
			t.Errorf("no retry: %q", c.raw())
		}
		time.Sleep(20 * time.Second)
		if got := c.heard(); len(got) == 0 || !isPing(got[0]) {
			t.Errorf("while it waits: %q", got)
		}
		w.log.setDown(false)
		time.Sleep(maxBackoff)
		got := c.news()
		expect(t, "then", got[:2], []string{helloOf(resumed, 2), `status {"redis":"up"}`})
		expect(t, "messages", got[2:], said[1:])
	})
}
