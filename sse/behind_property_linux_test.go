package sse

import (
	"math"
	"strings"
	"testing"
	"time"

	"causette/chat"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// straggler is a client of the model that begins anywhere in the log.
type straggler struct {
	r      *reader
	client int
	from   int64 // the seq of the last event that it had
	got    []byte
	hungUp bool
}

// pack is a loop whose readers are behind its room's tail, over a log.
type pack struct {
	*hand
	log        *fakeLog
	stragglers []*straggler
	away       bool
}

func newPack(tb testing.TB, o Options) *pack {
	h := newHand(tb, o)
	h.slice = 3
	return &pack{hand: h, log: h.source.(*fakeLog)}
}

func (p *pack) say(rt *rapid.T) {
	n, size := rapid.IntRange(1, 30).Draw(rt, "how many"), rapid.OneOf(rapid.IntRange(0, 200), rapid.IntRange(0, 9000)).Draw(rt, "size")
	p.log.sayMore(chat.Lobby, n, strings.Repeat("a", size))
}

func (p *pack) typing(*rapid.T) {
	p.log.live(chat.Lobby, chat.KindTyping, "{}")
}

func (p *pack) come(rt *rapid.T) {
	head, _ := p.log.knows(chat.Lobby, "")
	first := p.log.room(chat.Lobby).events
	if head.IsZero() || len(first) == 0 || len(p.stragglers) > 40 {
		return
	}
	from := rapid.Int64Range(first[0].ID.Seq, head.Seq).Draw(rt, "from")
	r, client := p.join(rt, p.entry, rapid.Bool().Draw(rt, "small"))
	r.cursor = cursor{liveFrom: math.MaxInt64}
	r.behind = &catchingUp{place: place{last: chat.EventID{Epoch: head.Epoch, Seq: from}}}
	p.stragglers = append(p.stragglers, &straggler{r: r, client: client, from: from})
}

// status has what its readers know of Redis change, so that they are told at the end.
func (p *pack) status(*rapid.T) {
	p.away = !p.away
	data := `{"redis":"up"}`
	if p.away {
		data = `{"redis":"down"}`
	}
	p.log.live(chat.Lobby, chat.KindStatus, data)
}

func (p *pack) pick(rt *rapid.T) *straggler {
	if len(p.stragglers) == 0 {
		return nil
	}
	return p.stragglers[rapid.IntRange(0, len(p.stragglers)-1).Draw(rt, "who")]
}

func (p *pack) read(rt *rapid.T) {
	if s := p.pick(rt); s != nil && !s.hungUp {
		got, _ := drink(rt, s.client, rapid.IntRange(1, 30_000).Draw(rt, "bytes"))
		s.got = append(s.got, got...)
	}
}

func (p *pack) hangUp(rt *rapid.T) {
	if s := p.pick(rt); s != nil && !s.hungUp {
		s.hungUp = true
		_ = unix.Close(s.client)
	}
}

func (p *pack) turn(*rapid.T) {
	p.adopt()
	p.catchUpSome()
	p.advance()
}

func (p *pack) hear(rt *rapid.T) {
	events := make([]unix.EpollEvent, 4)
	n, err := p.poll(events)
	if err != nil {
		rt.Fatal(err)
	}
	p.handle(events[:n])
}

func (p *pack) trim(rt *rapid.T) {
	p.log.trim(chat.Lobby, rapid.IntRange(0, len(p.log.room(chat.Lobby).events)).Draw(rt, "kept"))
}

func (p *pack) ping(*rapid.T) { p.beatAt(time.Now().Add(time.Minute)) }

// forgets has the library keep nothing any more.
func (p *pack) forgets(*rapid.T) {
	t, _, _ := p.room.now()
	p.library.mu.Lock()
	defer p.library.mu.Unlock()
	for len(t.pages.kept) > 0 {
		p.library.dropLocked(t.pages.kept[0])
	}
}

// finish has everybody read all there is. Each has every message from its place on,
// once and in order, or was told that it is slow.
func (p *pack) finish(rt *rapid.T) {
	for quiet := false; !quiet; {
		p.settle()
		quiet = true
		for _, s := range p.stragglers {
			if !s.hungUp {
				got, _ := drink(rt, s.client, 1<<20)
				s.got, quiet = append(s.got, got...), quiet && len(got) == 0
			}
		}
	}
	head, _ := p.log.knows(chat.Lobby, "")
	ended := 0
	for i, s := range p.stragglers {
		if s.hungUp {
			continue
		}
		events, _, _ := readSSE(string(s.got))
		at, bye, down := s.from, false, false
		for _, e := range events {
			switch e.Type {
			case "status":
				down = strings.Contains(e.Data, "down")
			case "message":
				id, err := chat.ParseEventID(e.ID)
				if at++; err != nil || id.Seq != at || bye {
					rt.Fatalf("straggler %d from %d got %s where %d belongs", i, s.from, e.ID, at)
				}
			case "bye":
				bye = true
			}
		}
		if !s.r.gone && down != p.away {
			rt.Fatalf("straggler %d believes that Redis is down: %t", i, down)
		}
		if !s.r.gone && (at != head.Seq || s.r.behind != nil) {
			rt.Fatalf("straggler %d from %d is at %d of %d: %+v", i, s.from, at, head.Seq, s.r.behind)
		}
		if s.r.gone {
			ended++ // with a bye, if its socket had room for that between two frames
		}
	}
	if n := p.closes(slow); n < ended {
		rt.Fatalf("%d ended, %d of them as slow", ended, n)
	}
	if n := p.budget.readers.used.Load(); n != 0 {
		rt.Fatalf("%d bytes are still lent", n)
	}
	t, _, _ := p.room.now()
	if n := p.budget.pages.used.Load(); n != t.pages.size {
		rt.Fatalf("%d bytes of pages are counted, %d kept", n, t.pages.size)
	}
}

func TestBehind_EachStragglerGetsWhatFollowsItsPlaceOrIsToldThatItIsSlow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := newPack(t, Options{TailSize: 12 << 10, Heartbeat: time.Minute, WriteTimeout: time.Hour})
		defer func() {
			for _, s := range p.stragglers {
				if !s.hungUp {
					_ = unix.Close(s.client)
				}
			}
			p.done()
		}()
		p.log.sayMore(chat.Lobby, rapid.IntRange(0, 300).Draw(rt, "said before"), strings.Repeat("b", rapid.SampledFrom([]int{0, 900, 8000}).Draw(rt, "size")))
		rt.Repeat(map[string]func(*rapid.T){
			"say": p.say, "say more": p.say, "type": p.typing, "come": p.come, "come too": p.come, "come as well": p.come,
			"read": p.read, "read on": p.read, "read yet more": p.read, "hang up": p.hangUp, "turn": p.turn, "turn again": p.turn,
			"hear": p.hear, "hear more": p.hear, "trim": rarely(p.trim), "ping": rarely(p.ping), "status": p.status, "forget": rarely(p.forgets),
		})
		p.finish(rt)
	})
}
