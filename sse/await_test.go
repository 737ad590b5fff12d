package sse

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"causette/chat"
)

// fillPages leaves no memory for a page, so that each question stands in line.
func (w *world) fillPages() { w.budget.pages.add(w.budget.pages.limit) }

// freePages undoes fillPages.
func (w *world) freePages() {
	w.budget.pages.add(-w.budget.pages.limit)
	w.library.loads.resume()
}

// expectBye has the hub drain, and c be told.
func (w *world) expectBye(t *testing.T, c *client) {
	t.Helper()
	go w.Drain(t.Context())
	time.Sleep(w.o.Drain + time.Millisecond)
	if got := c.heard(); !c.ended() || len(got) == 0 || got[len(got)-1] != `bye {"reason":"drain"}` {
		t.Errorf("at the drain it heard %q; ended: %t", got, c.ended())
		c.hangUp()
	}
}

var retryAlone = regexp.MustCompile(`^retry: [12]\d\d\d\n\n$`)

func TestStream_WhoStandsInLineBeforeItsHelloHearsThatItIsConnected(t *testing.T) {
	for name, sub := range map[string]Subscription{
		"who resumes":          {LastEventID: "1000-0"},
		"who is new":           {History: 200},
		"who comes from a gap": {LastEventID: "none", History: 200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Options{})
				said := w.log.say(chat.Lobby, 300)
				w.fillPages()
				c := w.connect(t, sub)
				expect(t, "at once", c.heard(), []string{})
				time.Sleep(openPatience)
				expect(t, "after a second", c.heard(), []string{}) // Redis is not away
				if !retryAlone.MatchString(c.raw()) {
					t.Errorf("after a second it heard %q", c.raw())
				}
				for range 10 {
					time.Sleep(15 * time.Second)
					if got := c.heard(); len(got) == 0 || !isPing(got[0]) {
						t.Fatalf("while it waits it heard %q", got)
					}
				}
				w.freePages()
				got := c.news()
				if len(got) < 200 || !strings.HasPrefix(got[0], "hello ") || !slices.Equal(got[1:], said[301-len(got):]) {
					t.Errorf("then it heard %d, the first %.40q", len(got), got)
				}
			})
		})
	}
}

func TestStream_WhoStandsInLineBeforeItsHelloLeavesAtADrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		w.log.say(chat.Lobby, 300)
		w.fillPages()
		w.expectBye(t, w.connect(t, Subscription{LastEventID: "1000-0"}))
	})
}

func TestStream_WhoStandsInLineForTheNewestLeavesAtADrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		w.log.say(chat.Lobby, 3)
		w.connect(t, Subscription{})          // opens the room
		w.log.room(chat.Lobby).sink.Replace() // and its newest are not loaded yet
		w.fillPages()
		w.expectBye(t, w.connect(t, Subscription{History: 3, Person: chat.Person{ID: "p_2"}}))
	})
}

func TestStream_WhoStandsInLineIsToldThatRedisIsAwayWhereTheRoomKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		said := w.log.say(chat.Lobby, 300)
		w.connect(t, Subscription{}) // opens the room
		w.fillPages()
		w.log.setDown(true)
		c := w.connect(t, Subscription{LastEventID: said[0]})
		time.Sleep(openPatience)
		expect(t, "after a second", c.heard(), []string{`status {"redis":"down"}`})
		w.log.setDown(false)
		w.freePages()
		expect(t, "then", c.news(), append([]string{helloOf(resumed, 2), `status {"redis":"up"}`}, said[1:]...))
	})
}

func TestStream_ALogThatIsBusyIsNotCalledAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		said := w.log.say(chat.Lobby, 300)
		w.log.broken = fmt.Errorf("after: %w", chat.ErrBusy)
		c := w.connect(t, Subscription{LastEventID: said[0]})
		time.Sleep(openPatience)
		if expect(t, "after a second", c.heard(), []string{}); !retryAlone.MatchString(c.raw()) {
			t.Errorf("after a second it heard %q", c.raw())
		}
	})
}

// inLine is a reader that was sent its first page, and stands in line for the next.
func inLine(t *testing.T) (w *world, c *client) {
	w = newWorld(t, Options{})
	w.log.say(chat.Lobby, 1000)
	w.log.answered = w.fillPages
	c = w.connect(t, Subscription{LastEventID: "1000-0"})
	if n := len(c.messages()); n == 0 || n > pageSize {
		t.Fatalf("it has %d messages", n)
	}
	return w, c
}

func TestStream_WhoStandsInLineWhileItCatchesUpIsNotLeftInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := inLine(t)
		for range 10 {
			time.Sleep(15 * time.Second)
			if got := c.heard(); len(got) == 0 || !isPing(got[0]) {
				t.Fatalf("while it waits it heard %q", got)
			}
		}
		w.freePages()
		if n := len(c.messages()); n < 1000-pageSize-1 {
			t.Errorf("then it got %d messages", n)
		}
	})
}

func TestStream_WhoStandsInLineWhileItCatchesUpLeavesAtADrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := inLine(t)
		w.expectBye(t, c)
	})
}
