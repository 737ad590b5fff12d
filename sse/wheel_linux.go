package sse

import (
	"math/rand/v2"
	"time"
)

const (
	// heartbeatTicks is how many steps a heartbeat has: pings are spread over
	// that many moments.
	heartbeatTicks = 64
	// wheelSlots is more than the five quarters of a heartbeat that a reader is
	// put ahead at most, and a power of two, so that the count of ticks may
	// overflow.
	wheelSlots = 128
)

// wheel says when to look at which reader: a ring of slots, one a tick. A reader
// stands in one slot as long as it lives, and until its turn comes once more;
// writes don't move it, its turn does. Owned by its loop.
type wheel struct {
	slots  [wheelSlots]*reader
	n      int // readers in slots, the gone ones included
	now    uint32
	step   time.Duration
	ticker *time.Ticker // runs while there are readers
	begun  time.Time    // of tick 0
}

func newWheel(heartbeat time.Duration) *wheel {
	w := &wheel{step: max(heartbeat/heartbeatTicks, time.Millisecond), ticker: time.NewTicker(time.Hour), begun: time.Now()}
	w.ticker.Stop()
	return w
}

// add puts a new reader in, at a random phase, so that those who came together
// are not looked at together.
func (w *wheel) add(r *reader) {
	if w.n == 0 {
		w.now = w.tick(time.Now()) // it stood still
		w.ticker.Reset(w.step)
	}
	w.n++
	r.last = w.now
	w.put(r, 1+rand.Uint32N(heartbeatTicks))
}

func (w *wheel) tick(now time.Time) uint32 { return uint32(now.Sub(w.begun) / w.step) }

// put has r looked at after delay ticks, at least 1 and fewer than there are slots.
func (w *wheel) put(r *reader, delay uint32) {
	slot := &w.slots[(w.now+delay)%wheelSlots]
	r.slot, *slot = *slot, r
}

// turn moves on to the tick of now, and calls look for each reader whose turn
// has come; it says after how many ticks to look again, 0 for never.
//
// Ticks that were missed, by a process that stood still, are made up for as one:
// nobody gets the pings of an hour at once. Who is put ahead meanwhile may be
// looked at twice, which does no harm.
func (w *wheel) turn(now time.Time, look func(*reader) uint32) {
	last := w.now
	w.now = w.tick(now)
	missed := w.now - last
	if missed > 1<<31 {
		missed = 0 // now is of before the last turn
		w.now = last
	}
	for i := range min(missed, wheelSlots) {
		slot := &w.slots[(last+1+i)%wheelSlots]
		list := *slot
		*slot = nil
		for list != nil {
			r := list
			list, r.slot = r.slot, nil
			if delay := look(r); delay > 0 {
				w.put(r, delay)
			} else {
				w.n--
			}
		}
	}
	if w.n == 0 {
		w.ticker.Stop()
	}
}

// tick pings who had silence for a heartbeat, and ends who has been full for
// the write timeout: at the next look, so up to a quarter of a heartbeat late,
// and where the timeout is shorter than a heartbeat, by up to one and a quarter.
func (l *loop) tick(now time.Time) {
	ping := appendPing(nil, now)
	timeout := uint32(min(l.hub.o.WriteTimeout/l.wheel.step, 1<<30))
	l.wheel.turn(now, func(r *reader) (again uint32) {
		if r.gone {
			return 0
		}
		silence := l.wheel.now - r.last
		switch {
		case r.blocked && silence >= timeout:
			l.end(r, slow)
			return 0
		case r.blocked:
			return heartbeatTicks / 4
		case silence >= heartbeatTicks:
			return l.ping(r, ping)
		default:
			// Up to a quarter later, or one message to a large room would make the
			// next pings of all its readers fall on one moment.
			return heartbeatTicks - silence + rand.Uint32N(heartbeatTicks/4+1)
		}
	})
}

// ping sends a heartbeat, which is no part of the tail, so it must go out whole:
// to a socket that took a part of it nothing sensible can follow.
func (l *loop) ping(r *reader, frame []byte) (again uint32) {
	n, why := l.send(r, frame)
	switch {
	case why != "":
	case n == 0:
		l.block(r)
	case n < len(frame):
		r.within, why = true, slow
	}
	if why != "" {
		l.end(r, why)
		return 0
	}
	r.last = l.wheel.now
	return heartbeatTicks
}
