package sse

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"causette/chat"

	"pgregory.net/rapid"
)

// visitor is a browser that comes back with the id it saw last, whatever cuts it
// off. Beside it stands what it may be told when it does.
type visitor struct {
	*client        // nil while it is away
	resume  func() // nil unless it reads nothing
	last    string // the id that it saw last; empty if it is new
	typed   int    // the typing line that it saw last, or that was said before it came
	mayMiss bool   // the log did not know last when it came, or could not be asked
}

// took is what arrived of a connection. It holds it to the promise: every message
// once and in order, or a word of the gap; and of what is live only, all from
// some moment after its coming on.
func (v *visitor) took(rt *rapid.T, raw string) {
	events, last, _ := readSSE(raw)
	at, heard := chat.EventID{}, false
	for i, e := range events {
		switch id, err := chat.ParseEventID(e.ID); {
		case e.Type == "hello" && (err != nil || !v.mayHear(e)):
			rt.Fatalf("at %q, may miss %v: %+v", v.last, v.mayMiss, e)
		case e.Type == "message" && (err != nil || !at.Precedes(id)):
			rt.Fatalf("%s follows %s", e.ID, at)
		case e.Type == "hello" || e.Type == "message":
			at = id
		case e.Type == "typing":
			n, err := strconv.Atoi(e.Data)
			if err != nil || n <= v.typed || heard && n != v.typed+1 {
				rt.Fatalf("typing %d follows %d", n, v.typed)
			}
			v.typed, heard = n, true
		case e.Type == "bye" && i < len(events)-1:
			rt.Fatalf("it goes on after its bye: %+v", events[i+1:])
		}
	}
	if last != "" {
		v.last = last
	}
}

// mayHear reports whether this is the hello for one who comes with v.last.
func (v *visitor) mayHear(hello sseEvent) bool {
	switch {
	case strings.Contains(hello.Data, `"resume":"resumed"`):
		return hello.ID == v.last
	case strings.Contains(hello.Data, `"resume":"gap"`):
		return v.last != "" && v.mayMiss
	default:
		return v.last == "" && strings.Contains(hello.Data, `"resume":"fresh"`)
	}
}

// lounge is a room, its visitors, and all that may happen to them.
type lounge struct {
	*world
	visitors []*visitor
	typed    int  // typing lines so far
	lags     bool // the feed does
	away     bool // Redis is
}

// TestStream_HasEveryMessageOnceOrTellsOfAGap drives streams with all that may
// happen to them, at any time, and cuts them off behind any byte.
func TestStream_HasEveryMessageOnceOrTellsOfAGap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rapid.SyncTest(rt, func(rt *rapid.T) {
			l := &lounge{world: newWorld(rt, Options{Log: quiet, TailSize: 4 << 10})}
			l.log.say(chat.Lobby, rapid.IntRange(0, 400).Draw(rt, "said before"))
			rt.Repeat(map[string]func(*rapid.T){
				"say": l.say, "say more": l.say, "type": l.typing, "come": l.come, "come back": l.comeBack,
				"come back too": l.comeBack, "stall": l.stall, "read on": l.readOn, "cut": l.cut, "trim": rarely(l.trim),
				"shrink": rarely(l.shrink), "lose": rarely(l.lose), "Redis goes or comes": rarely(l.redis), "feed lags or not": l.lag, "time": l.time,
			})
			l.finish(rt)
		})
	})
}

func (l *lounge) say(rt *rapid.T) {
	n, size := rapid.IntRange(1, 20).Draw(rt, "how many"), rapid.IntRange(0, 500).Draw(rt, "size")
	l.log.sayMore(chat.Lobby, n, strings.Repeat("a", size))
	l.settle(rt)
}

func (l *lounge) typing(rt *rapid.T) {
	l.typed++
	l.log.live(chat.Lobby, chat.KindTyping, strconv.Itoa(l.typed))
	l.settle(rt)
}

// settle waits until all is still, or lets what comes next come at once.
func (l *lounge) settle(rt *rapid.T) {
	if rapid.Bool().Draw(rt, "settle") {
		synctest.Wait()
	}
}

// pick is somebody who is there, or who is away; nil if there is none.
func (l *lounge) pick(rt *rapid.T, there bool) *visitor {
	some := slices.DeleteFunc(slices.Clone(l.visitors), func(v *visitor) bool { return (v.client != nil) != there })
	if len(some) == 0 {
		return nil
	}
	return some[rapid.IntRange(0, len(some)-1).Draw(rt, "who")]
}

func (l *lounge) come(rt *rapid.T) {
	v := &visitor{last: rapid.SampledFrom([]string{"", "0-0", "none"}).Draw(rt, "last")}
	if head, _ := l.log.knows(chat.Lobby, ""); rapid.Bool().Draw(rt, "was here before") {
		v.last = head.Back(rapid.Int64Range(-1, 500).Draw(rt, "back")).String()
	}
	l.visitors = append(l.visitors, v)
	l.enter(rt, v, rapid.Bool().Draw(rt, "reads"))
}

func (l *lounge) comeBack(rt *rapid.T) {
	if v := l.pick(rt, false); v != nil {
		l.enter(rt, v, rapid.Bool().Draw(rt, "reads"))
	}
}

func (l *lounge) enter(rt *rapid.T, v *visitor, reads bool) {
	_, known := l.log.knows(chat.Lobby, v.last)
	v.mayMiss, v.typed = !known || l.away, l.typed
	if l.lags {
		v.typed = 0 // what was said before may be news here
	}
	sub := Subscription{LastEventID: v.last, History: rapid.IntRange(0, 200).Draw(rt, "history")}
	if reads {
		v.client = l.connect(rt, sub)
		return
	}
	v.client, v.resume = l.dialStalled(rt, sub) // so that much may happen before it has caught up
	synctest.Wait()
}

func (l *lounge) stall(rt *rapid.T) {
	if v := l.pick(rt, true); v != nil && v.resume == nil {
		v.resume = v.stall()
	}
}

func (l *lounge) readOn(rt *rapid.T) {
	if v := l.pick(rt, true); v != nil && v.resume != nil {
		v.resume()
		v.resume = nil
	}
}

// cut ends somebody's connection; what arrived ends behind any byte.
func (l *lounge) cut(rt *rapid.T) {
	if v := l.pick(rt, true); v != nil {
		v.hangUp()
		raw := v.raw()
		v.took(rt, raw[:rapid.IntRange(0, len(raw)).Draw(rt, "arrived")])
		v.client, v.resume = nil, nil
	}
}

// forget is what a log that loses something means to who was not answered yet.
func (l *lounge) forget() {
	for _, v := range l.visitors {
		v.mayMiss = v.mayMiss || v.client != nil && !strings.Contains(v.raw(), "event: hello")
	}
}

func (l *lounge) trim(rt *rapid.T) {
	l.forget()
	l.log.trim(chat.Lobby, rapid.IntRange(0, len(l.log.room(chat.Lobby).events)).Draw(rt, "kept"))
}

// shrink has the tail let go of all but its newest frames, for others.
func (l *lounge) shrink(*rapid.T) {
	l.mu.Lock()
	e := l.rooms[chat.Lobby]
	l.mu.Unlock()
	if e == nil {
		return
	}
	select {
	case <-e.ready:
		t, _, _ := e.room.now()
		t.shrink(100)
	default:
	}
}

func (l *lounge) lose(rt *rapid.T) {
	if l.lags {
		l.lag(rt) // what the feed has of a lost log, it hands on before
	}
	l.forget()
	l.log.lose()
	l.settle(rt)
}

func (l *lounge) redis(*rapid.T) {
	l.away = !l.away
	l.log.setDown(l.away)
}

func (l *lounge) lag(*rapid.T) {
	if l.lags = !l.lags; l.lags {
		l.log.hold(chat.Lobby)
	} else {
		l.log.release(chat.Lobby)
	}
}

func (l *lounge) time(rt *rapid.T) {
	time.Sleep(time.Duration(rapid.IntRange(0, 40_000).Draw(rt, "ms")) * time.Millisecond)
}

// finish has everybody come and read all there is, again if it was cut off: a page
// that is kept may end where the log does not go on. They must have the newest.
func (l *lounge) finish(rt *rapid.T) {
	if l.away {
		l.redis(rt)
	}
	if l.lags {
		l.lag(rt)
	}
	for _, v := range l.visitors {
		if v.resume != nil {
			v.resume()
		}
	}
	time.Sleep(2 * maxBackoff)
	for round, ended := 0, true; ended; round++ {
		if ended = false; round == 10 {
			rt.Fatalf("they are cut off again and again")
		}
		for _, v := range l.visitors {
			if v.client != nil && v.ended() {
				v.took(rt, v.raw())
				v.client = nil
			}
			if v.client == nil {
				ended = true
				l.enter(rt, v, true)
			}
		}
	}
	l.typed++
	l.log.live(chat.Lobby, chat.KindTyping, strconv.Itoa(l.typed))
	head, _ := l.log.knows(chat.Lobby, "")
	for i, v := range l.visitors {
		v.took(rt, v.raw())
		if v.last != head.String() || v.typed != l.typed {
			rt.Fatalf("visitor %d is at %s and %d, want %s and %d", i, v.last, v.typed, head, l.typed)
		}
	}
}
