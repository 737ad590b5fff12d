package sse

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"causette/chat"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

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

func TestStream_OneWhoHadSeenNothingIsLiveInALogReplacedByNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		first := w.connect(t, Subscription{})
		w.log.lose()
		<-first.done
		back := w.connect(t, Subscription{LastEventID: "0-0"})
		w.log.live(chat.Lobby, chat.KindTyping, "{}")
		anew := w.log.say(chat.Lobby, 1)
		expect(t, "who was there", back.news(), []string{helloOf(resumed, 1), "typing {}", anew[0]})
	})
}
