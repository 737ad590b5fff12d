package sse

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

func TestStream_HistoryIsTheNewestMessages(t *testing.T) {
	for _, tt := range []struct{ said, history, want int }{
		{0, 50, 0}, {3, 0, 0}, {3, 1, 1}, {3, 50, 3}, {80, 50, 50},
		{1000, 100, 100}, // the whole of the tail
		{1000, 700, 700}, // more than the tail was loaded with
		{1000, 1000, 1000},
		{1000, 5000, 1000},
		{3, -1, 0},
	} {
		t.Run(fmt.Sprintf("%d of %d", tt.history, tt.said), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Options{})
				said := w.log.say(chat.Lobby, tt.said)
				c := w.connect(t, Subscription{History: tt.history})
				before := "0-0"
				if tt.want < tt.said {
					before = said[tt.said-tt.want-1]
				}
				if !strings.Contains(c.raw(), "\nid: "+before+"\nevent: hello\n") {
					t.Errorf("hello is not at %s: %.60q", before, c.raw())
				}
				want := append(said[tt.said-tt.want:], w.log.say(chat.Lobby, 2)...)
				expect(t, "messages", c.messages(), want)
			})
		})
	}
}

func TestStream_HistoryLongerThanATrimmedLogIsWhatTheTailHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		said := w.log.say(chat.Lobby, 300)
		w.log.trim(chat.Lobby, 150)
		c := w.connect(t, Subscription{History: 250})
		expect(t, "messages", c.messages(), said[300-openLoad:])
	})
}

func TestStream_ALongHistoryIsPutTogetherInBoundedPieces(t *testing.T) {
	for name, history := range map[string]int{"of the tail": 100, "of the log": 200} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Options{})
				said := w.log.sayMore(chat.Lobby, 300, strings.Repeat("a", 3000))
				c := w.connect(t, Subscription{History: history})
				expect(t, "messages", c.messages(), said[300-history:])
				if c.largest > maxSegment {
					t.Errorf("a write of %d bytes", c.largest)
				}
				if n, _ := observed(t, w.o.Metrics.delay); n != 0 {
					t.Errorf("history was measured as %d live writes", n)
				}
			})
		})
	}
}

func TestStream_AnEmptyRoomAsksTheLogNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		w.connect(t, Subscription{History: 50})
		w.connect(t, Subscription{LastEventID: "0-0"})
		if n := w.log.count(&w.log.afters); n != 0 {
			t.Errorf("%d questions", n)
		}
	})
}

func TestStream_ResumesAtEveryPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		said := w.log.say(chat.Lobby, 400) // the tail has the last 100; pages are 128
		for i := -1; i < len(said); i++ {
			from := "0-0"
			if i >= 0 {
				from = said[i]
			}
			c := w.connect(t, Subscription{LastEventID: from, History: 50})
			got := c.news()
			if len(got) == 0 || got[0] != helloOf(resumed, 1) {
				t.Fatalf("after %s: %q", from, got)
			}
			if !strings.Contains(c.raw(), "\nid: "+from+"\nevent: hello\n") {
				t.Errorf("after %s: another id in hello", from)
			}
			expect(t, "after "+from, got[1:], said[i+1:])
			c.hangUp()
		}
	})
}

func TestStream_APositionThatIsNoneIsAGap(t *testing.T) {
	for name, id := range map[string]string{
		"not an id": "salut", "with a line end": "1000-1\n", "from the future": "1000-400", "of a lost epoch": "900-3",
		"of a later epoch": "2000-0", "older than the log": "1000-7", "before a trimmed log": "0-0", "negative": "-1--1",
		"too large": "99999999999999999999-0",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Options{})
				said := w.log.say(chat.Lobby, 300)
				w.log.trim(chat.Lobby, 200)
				c := w.connect(t, Subscription{LastEventID: id, History: 2})
				expect(t, "news", c.news(), append([]string{helloOf(gap, 1)}, said[298:]...))
				if got := testutil.ToFloat64(w.o.Metrics.resumes.WithLabelValues("gap")); got != 1 {
					t.Errorf("%v gaps counted", got)
				}
			})
		})
	}
}

func TestStream_ZeroResumesWhileTheLogHasItsFirstEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		empty := w.connect(t, Subscription{LastEventID: "0-0"})
		expect(t, "of an empty log", empty.news(), []string{helloOf(resumed, 1)})
		said := w.log.say(chat.Lobby, 3)
		expect(t, "its first events", empty.news(), said)
		c := w.connect(t, Subscription{LastEventID: "0-0"})
		expect(t, "of a short log", c.news(), append([]string{helloOf(resumed, 2)}, said...))
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

func TestStream_APositionInTheTailNeedsNoRedis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		said := w.log.say(chat.Lobby, 3)
		w.connect(t, Subscription{})
		w.log.setDown(true)
		c := w.connect(t, Subscription{LastEventID: said[0]})
		expect(t, "resumed", c.news(), append([]string{helloOf(resumed, 2), `status {"redis":"down"}`}, said[1:]...))
		c = w.connect(t, Subscription{History: 2})
		expect(t, "fresh", c.news(), append([]string{helloOf(fresh, 3), `status {"redis":"down"}`}, said[1:]...))
		c = w.connect(t, Subscription{History: 200})
		expect(t, "fresh, wanting more than there is", c.news(), append([]string{helloOf(fresh, 4), `status {"redis":"down"}`}, said...))
		w.log.setDown(false)
		expect(t, "then", c.news(), []string{`status {"redis":"up"}`})
		if n := w.log.count(&w.log.afters); n != 0 {
			t.Errorf("%d questions to the log", n)
		}
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

func TestStream_AReplacedLogIsAskedUntilItsTailKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		said := w.log.say(chat.Lobby, 300)
		w.log.trim(chat.Lobby, 250)
		w.connect(t, Subscription{})
		w.log.room(chat.Lobby).sink.Replace() // and its newest are not loaded yet

		zero := w.connect(t, Subscription{LastEventID: "0-0", History: 2})
		newcomer := w.connect(t, Subscription{History: 3})
		for _, e := range w.log.room(chat.Lobby).events[150:] {
			w.log.room(chat.Lobby).sink.Receive(e)
		}
		said = append(said, w.log.say(chat.Lobby, 1)...)
		expect(t, "who had seen nothing", zero.messages(), said[298:])
		expect(t, "who is new", newcomer.messages(), said[297:])
		if !strings.Contains(zero.raw(), `"resume":"gap"`) {
			t.Error("it was not told of the gap")
		}
	})
}

func TestStream_ALogReplacedByNothingIsLiveAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		said := w.log.say(chat.Lobby, 3)
		first := w.connect(t, Subscription{})
		w.log.lose()
		<-first.done
		back := w.connect(t, Subscription{LastEventID: said[2], History: 50})
		newcomer := w.connect(t, Subscription{History: 50})
		w.log.live(chat.Lobby, chat.KindTyping, "{}")
		anew := w.log.say(chat.Lobby, 1)
		expect(t, "who was there", back.news(), []string{helloOf(gap, 1), "typing {}", anew[0]})
		expect(t, "who is new", newcomer.news(), []string{helloOf(fresh, 2), "typing {}", anew[0]})
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
