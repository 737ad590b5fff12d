package sse

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"causette/chat"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// said is a frame of the model: what a naive reader expects.
type said struct {
	off   int64
	live  bool
	bytes []byte
}

// listener is a client of the model: it notes what it got.
type listener struct {
	r       *reader
	client  int
	tail    *tail
	want    *[]said // of its tail, growing
	begin   cursor
	got     []byte
	hungUp  bool
	noticed bool // its end was looked into
}

// crowd is a poller's loop beside the model of what it is to do.
type crowd struct {
	*hand
	frames    *[]said // of the room's tail now
	seq       int64
	listeners []*listener
	now       time.Time
	ticked    bool // time went by in this step
	closes    map[reason]int
}

func (c *crowd) append(rt *rapid.T) {
	e := message(c.seq, rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(0, 9000)).Draw(rt, "size"))
	if live := rapid.IntRange(0, 3).Draw(rt, "live") == 0; live {
		e = chat.Event{Kind: chat.KindTyping, Data: e.Data}
	} else {
		c.seq++
	}
	_, end, _ := c.room.now()
	*c.frames = append(*c.frames, said{end, !e.Durable(), AppendFrame(nil, e)})
	c.room.Receive(e)
}

// come has a reader begin at a frame that the tail still has, or at its end.
func (c *crowd) come(rt *rapid.T) {
	if len(c.listeners) > 60 {
		return
	}
	r, client := c.join(rt, c.entry, rapid.Bool().Draw(rt, "small"))
	l := &listener{r: r, client: client, want: c.frames}
	l.tail, _, _ = c.room.now()
	kept := slices.DeleteFunc(slices.Clone(*c.frames), func(f said) bool { return f.off < l.tail.start.Load() })
	if i := rapid.IntRange(0, len(kept)).Draw(rt, "from"); i < len(kept) {
		r.pos = kept[i].off
	}
	l.begin = r.cursor
	c.listeners = append(c.listeners, l)
}

func (c *crowd) pick(rt *rapid.T) *listener {
	if len(c.listeners) == 0 {
		return nil
	}
	return c.listeners[rapid.IntRange(0, len(c.listeners)-1).Draw(rt, "who")]
}

func (c *crowd) read(rt *rapid.T) {
	if l := c.pick(rt); l != nil && !l.hungUp {
		got, _ := drink(rt, l.client, rapid.IntRange(1, 20_000).Draw(rt, "bytes"))
		l.got = append(l.got, got...)
	}
}

func (c *crowd) hangUp(rt *rapid.T) {
	if l := c.pick(rt); l != nil && !l.hungUp {
		l.hungUp = true
		_ = unix.Close(l.client)
	}
}

func (c *crowd) allLeave(*rapid.T) {
	for _, l := range c.listeners {
		if !l.hungUp {
			l.hungUp = true
			_ = unix.Close(l.client)
		}
	}
}

func (c *crowd) replace(*rapid.T) {
	c.room.Replace()
	c.frames = new([]said)
}

func (c *crowd) shrink(*rapid.T) {
	t, _, _ := c.room.now()
	t.shrink(500)
}

func (c *crowd) turn(*rapid.T) {
	c.adopt()
	c.advance()
}

func (c *crowd) hear(rt *rapid.T) {
	events := make([]unix.EpollEvent, 4)
	n, err := c.poll(events)
	if err != nil {
		rt.Fatal(err)
	}
	c.handle(events[:n])
}

func (c *crowd) pass(rt *rapid.T) {
	c.now = c.now.Add(time.Duration(rapid.IntRange(0, 40_000).Draw(rt, "ms")) * time.Millisecond)
	c.ticked = true
	c.beatAt(c.now)
}

// check holds every end to a reason, and what came to what was to come.
func (c *crowd) check(rt *rapid.T) {
	ended, hung, lost, left := 0, 0, 0, 0
	for _, l := range c.listeners {
		if !l.r.gone || l.noticed {
			continue
		}
		l.noticed = true
		ended++
		if l.hungUp {
			hung++
		}
		if l.tail.closed.Load() {
			left++
		}
		if l.r.pos < l.tail.start.Load() || c.ticked {
			lost++
		}
		if !l.hungUp && !l.tail.closed.Load() && l.r.pos >= l.tail.start.Load() && !c.ticked {
			rt.Fatalf("a reader at %d of [%d, %d) was ended for nothing", l.r.pos, l.tail.start.Load(), l.tail.end.Load())
		}
	}
	for why, most := range map[reason]int{hangup: hung, slow: lost, replaced: left, drain: 0, full: 0, failed: 0} {
		n := c.hand.closes(why)
		if n-c.closes[why] > most {
			rt.Fatalf("%d ended as %q, at most %d could", n-c.closes[why], why, most)
		}
		ended -= n - c.closes[why]
		c.closes[why] = n
	}
	if ended != 0 {
		rt.Fatalf("%d ended without a reason", ended)
	}
	c.ticked = false
}

func (h *hand) closes(why reason) int { return (&world{Hub: h.Hub}).closes(why) }

// finish has everybody read all there is, and compares.
func (c *crowd) finish(rt *rapid.T) {
	for quiet := false; !quiet; {
		c.settle()
		c.check(rt)
		quiet = true
		for _, l := range c.listeners {
			if !l.hungUp {
				got, _ := drink(rt, l.client, 1<<20)
				l.got, quiet = append(l.got, got...), quiet && len(got) == 0
			}
		}
	}
	for i, l := range c.listeners {
		rest, err := l.compare()
		switch {
		case err != nil:
			rt.Fatalf("reader %d from %+v: %v", i, l.begin, err)
		case !l.r.gone && !l.hungUp && rest > 0:
			rt.Fatalf("reader %d from %+v did not get %d frames: it is at %d of %d, blocked %v", i, l.begin, rest, l.r.pos, l.tail.end.Load(), l.r.blocked)
		case l.hungUp && !l.r.gone:
			rt.Fatalf("reader %d hung up and is still here", i)
		}
	}
}

// compare holds what the listener got to what a naive reader of the same frames
// gets, with pings between frames and a bye at the end. It returns how many
// frames are missing at the end.
func (l *listener) compare() (rest int, err error) {
	got := l.got
	const ping, bye = "event: ping\n", "retry: "
	pingLength := len(appendPing(nil, time.Now()))
	for i, f := range *l.want {
		if f.off < l.begin.pos || f.live && f.off < l.begin.liveFrom {
			continue
		}
		for bytes.HasPrefix(got, []byte(ping)) {
			got = got[min(pingLength, len(got)):]
		}
		if bytes.HasPrefix(got, []byte(bye)) {
			break
		}
		n := min(len(got), len(f.bytes))
		if !bytes.Equal(got[:n], f.bytes[:n]) && !strings.HasPrefix(ping, string(got)) && !strings.HasPrefix(bye, string(got)) {
			return 0, fmt.Errorf("frame %d, %.50q…, came as %.50q…", i, f.bytes, got)
		}
		if n < len(f.bytes) {
			return len(*l.want) - i, nil
		}
		got = got[n:]
	}
	for bytes.HasPrefix(got, []byte(ping)) {
		got = got[min(pingLength, len(got)):]
	}
	begins := bytes.HasPrefix(got, []byte(bye)) || strings.HasPrefix(bye, string(got))
	if len(got) > 0 && (!begins || bytes.Count(got, []byte("\n\n")) > 1 || !l.r.gone) {
		return 0, fmt.Errorf("it ends with %q", got)
	}
	return 0, nil
}

func TestPoller_EachReaderGetsExactlyItsFramesOrIsClosedForAReason(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHand(t, Options{TailSize: 12 << 10, Heartbeat: time.Minute, WriteTimeout: 2 * time.Minute})
		h.slice = 3
		c := &crowd{hand: h, frames: new([]said), now: time.Now(), closes: make(map[reason]int)}
		defer func() {
			c.allLeave(rt)
			h.done()
		}()
		rt.Repeat(map[string]func(*rapid.T){
			"append": c.append, "append more": c.append, "append yet more": c.append,
			"come": c.come, "come too": c.come, "read": c.read, "read on": c.read, "read yet more": c.read,
			"hang up": c.hangUp, "all leave": rarely(c.allLeave), "replace": rarely(c.replace), "shrink": rarely(c.shrink),
			"turn": c.turn, "turn again": c.turn, "hear": c.hear, "hear more": c.hear, "time": c.pass,
			"": c.check,
		})
		c.finish(rt)
	})
}
