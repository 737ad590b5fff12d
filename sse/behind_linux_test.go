package sse

import (
	"math"
	"strings"
	"testing"
	"time"

	"causette/chat"
)

// straggle has a reader of the loop begin behind an event, from an address.
func (p *pack) straggle(t *testing.T, from int64, address *origin) *straggler {
	t.Helper()
	r, client := p.join(t, p.entry, true)
	r.cursor, r.from = cursor{liveFrom: math.MaxInt64}, address
	r.behind = &catchingUp{place: place{last: chat.EventID{Epoch: 1000, Seq: from}}}
	return &straggler{r: r, client: client, from: from}
}

// hears reads until the loop has no more for the client.
func (p *pack) hears(t *testing.T, s *straggler) []sseEvent {
	t.Helper()
	for {
		p.settle()
		got, _ := drink(t, s.client, 1<<20)
		if len(got) == 0 {
			break
		}
		s.got = append(s.got, got...)
	}
	events, _, _ := readSSE(string(s.got))
	return events
}

// words are the events other than messages, and how many of those there are.
func words(events []sseEvent) (said string, messages int) {
	var other []string
	for _, e := range events {
		if e.Type == "message" {
			messages++
		} else {
			other = append(other, e.Type+" "+e.Data)
		}
	}
	return strings.Join(other, ", "), messages
}

func TestBehind_ALogThatCannotBeReadIsAskedAgainAndItsReaderTold(t *testing.T) {
	p := newPack(t, Options{TailSize: 12 << 10})
	p.log.say(chat.Lobby, 500)
	p.log.setDown(true)
	s := p.straggle(t, 9, nil)
	until(t, func() bool { said, _ := words(p.hears(t, s)); return said == `status {"redis":"down"}` })
	time.Sleep(2 * firstBackoff) // it is asked again, and says nothing twice
	if said, n := words(p.hears(t, s)); said != `status {"redis":"down"}` || n != 0 {
		t.Errorf("it heard %s and %d messages", said, n)
	}
	p.log.setDown(false)
	until(t, func() bool { _, n := words(p.hears(t, s)); return n == 490 })
	if said, _ := words(p.hears(t, s)); said != `status {"redis":"down"}, status {"redis":"up"}` || s.r.behind != nil {
		t.Errorf("it heard %s; behind: %v", said, s.r.behind)
	}
}

func TestBehind_AFaultOfTheLogEndsItAsAnError(t *testing.T) {
	p := newPack(t, Options{TailSize: 12 << 10})
	p.log.say(chat.Lobby, 500)
	p.log.broken = chat.ErrNonceReused // nothing that passes
	s := p.straggle(t, 9, nil)
	p.hears(t, s)
	if !s.r.gone || p.closes(failed) != 1 {
		t.Errorf("gone: %t, %d as an error", s.r.gone, p.closes(failed))
	}
}

// Readers of one address hold too much with their sockets full; another address's
// are left alone.
func TestBehind_TheAddressThatHoldsTooMuchIsCut(t *testing.T) {
	p := newPack(t, Options{TailSize: 12 << 10, WriteTimeout: time.Hour})
	p.log.sayMore(chat.Lobby, 300, strings.Repeat("a", 7000))
	p.budget.readers.limit = 40 << 10
	light, heavy := new(origin), new(origin)
	one := p.straggle(t, 3, light)
	p.settle()
	var many []*straggler
	for n := range 30 {
		many = append(many, p.straggle(t, int64(4+n), heavy))
		p.settle()
	}
	cut := 0
	for _, s := range many {
		if s.r.gone {
			cut++
		}
	}
	if held := p.budget.readers.used.Load(); cut == 0 || cut == len(many) || p.closes(slow) != cut || one.r.gone || held > 2*p.budget.readers.limit {
		t.Errorf("%d of %d are cut, %d as slow; the other one: %t; %d bytes are held", cut, len(many), p.closes(slow), one.r.gone, held)
	}
	if _, n := words(p.hears(t, one)); n != 296 {
		t.Errorf("the other one has %d messages", n)
	}
}
