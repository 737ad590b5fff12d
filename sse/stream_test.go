package sse

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"causette/chat"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// helloOf is the hello with which a fresh stream of the lobby begins.
func helloOf(resume verdict, participants int) string {
	return fmt.Sprintf(`hello {"resume":%q,"room":"lobby","you":{"id":"p_1"},"participants":%d,"named":0,"heartbeat":15,"instance":"one"}`, resume, participants)
}

func TestStream_AFreshOneGetsTheBytesOfTheContract(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		w.log.say(chat.Lobby, 2)
		c := w.connect(t, Subscription{History: 1, Person: chat.Person{ID: "p_8f3k", Nickname: "ana"}})
		w.log.say(chat.Lobby, 1)
		synctest.Wait() // else the two are one write
		w.log.live(chat.Lobby, chat.KindTyping, `{"who":{"id":"p_2"}}`)
		got := regexp.MustCompile(`^retry: [12]\d\d\d\n`).ReplaceAllString(c.raw(), "retry: N\n")
		want := "retry: N\nid: 1000-0\nevent: hello\n" +
			`data: {"resume":"fresh","room":"lobby","you":{"id":"p_8f3k","nickname":"ana"},"participants":1,"named":0,"heartbeat":15,"instance":"one"}` + "\n\n" +
			"id: 1000-1\n" + `data: {"id":"1000-1","at":"2000-01-01T00:00:00Z","text":"message 1"}` + "\n\n" +
			"id: 1000-2\n" + `data: {"id":"1000-2","at":"2000-01-01T00:00:00Z","text":"message 2"}` + "\n\n" +
			"event: typing\n" + `data: {"who":{"id":"p_2"}}` + "\n\n"
		if got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		if c.writes != 3 {
			t.Errorf("hello and history, a message and a typing line took %d writes", c.writes)
		}
	})
}

func TestStream_OldLiveEventsAreNotReplayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		first := w.connect(t, Subscription{})
		said := w.log.say(chat.Lobby, 1)
		w.log.live(chat.Lobby, chat.KindTyping, "{}")
		said = append(said, w.log.say(chat.Lobby, 1)...)
		w.log.live(chat.Lobby, chat.KindNotice, "{}")
		expect(t, "who was there", first.news(), []string{helloOf(fresh, 1), said[0], "typing {}", said[1], "notice {}"})

		c := w.connect(t, Subscription{LastEventID: "0-0"})
		w.log.live(chat.Lobby, chat.KindTyping, `{"new":1}`)
		expect(t, "who resumes", c.news(), []string{helloOf(resumed, 2), said[0], said[1], `typing {"new":1}`})
	})
}

func TestStream_AFaultOfTheLogEndsItAsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{Log: quiet})
		said := w.log.say(chat.Lobby, 300)
		w.log.broken = errors.New("not what was expected")
		c := w.connect(t, Subscription{LastEventID: said[0]})
		if !c.ended() || testutil.ToFloat64(w.o.Metrics.closes.WithLabelValues("error")) != 1 {
			t.Error("it goes on")
		}
	})
}

func TestStream_ReplaceSendsEveryReaderAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		said := w.log.say(chat.Lobby, 600)
		live := w.connect(t, Subscription{})
		behind, resume := w.dialStalled(t, Subscription{LastEventID: said[0]})
		synctest.Wait()
		live.news()
		w.log.lose()
		resume()
		expect(t, "the live one", live.news(), []string{`bye {"reason":"replaced"}`})
		got := behind.news()
		if last := got[len(got)-1]; last != `bye {"reason":"replaced"}` {
			t.Errorf("the one in the log: %q", last)
		}
		if !live.ended() || !behind.ended() {
			t.Error("they go on")
		}
		anew := w.log.say(chat.Lobby, 1)
		c := w.connect(t, Subscription{LastEventID: said[599], History: 50})
		expect(t, "on return", c.news(), append([]string{helloOf(gap, 1)}, anew...))
	})
}

func TestStream_JoinsBeforeItsHelloAndLeavesAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		c := w.connect(t, Subscription{Person: chat.Person{ID: "p_9"}})
		if got := c.news(); !strings.Contains(got[0], `"participants":1`) {
			t.Errorf("hello: %q", got)
		}
		c.hangUp()
		if got := w.who.heard(); got != "+p_9 -p_9" {
			t.Errorf("presence heard %q", got)
		}
		if got := testutil.ToFloat64(w.o.Metrics.closes.WithLabelValues("hangup")); got != 1 {
			t.Errorf("%v hang-ups counted", got)
		}
		if got := testutil.ToFloat64(w.o.Metrics.streams); got != 0 {
			t.Errorf("%v streams left", got)
		}
	})
}

func TestStream_CutAnywhereAndResumedItsReaderHasItAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{TailSize: 2 << 10})
		var said, got []string
		last := "0-0"
		for round := range 30 {
			c := w.connect(t, Subscription{LastEventID: last})
			for range round {
				said = append(said, w.log.say(chat.Lobby, 1+round%7)...)
				w.log.live(chat.Lobby, chat.KindTyping, "{}")
				if round%3 == 0 {
					synctest.Wait()
				}
			}
			synctest.Wait()
			c.hangUp()
			said = append(said, w.log.say(chat.Lobby, round*5)...) // while it is away
			// The connection may have been cut after any byte.
			raw := c.raw()
			cut := raw[:len(raw)*(round%4+1)/4]
			events, id, _ := readSSE(cut)
			if id != "" { // before hello it still stands where it was
				last = id
			}
			for _, e := range events {
				if e.Type == "message" {
					got = append(got, e.ID)
				}
			}
		}
		c := w.connect(t, Subscription{LastEventID: last})
		got = append(got, c.messages()...)
		if !slices.Equal(got, said) {
			t.Errorf("%d messages of %d", len(got), len(said))
		}
	})
}
