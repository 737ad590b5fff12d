package sse

import "time"

const (
	// periodTicks is how many steps a period of heartbeats has: pings are spread
	// over that many moments. A power of two, so that the count of ticks may overflow.
	periodTicks = 32
	// quarter is so many steps of silence that a ping is due, and the time between
	// two looks at a full socket.
	quarter = periodTicks / 4
)

// wheel says when to look at which reader: at one in 32 of the descriptors each
// tick. The kernel gives out the lowest free number, so those in use lie close
// together, and the readers of a process are spread evenly over the period
// whatever they were sent, and when. Owned by its loop.
type wheel struct {
	n      int    // readers
	now    uint32 // tick
	done   uint32 // the last tick whose readers were all looked at
	next   int    // the descriptor to go on with in the one after it
	step   time.Duration
	ticker *time.Ticker // runs while there are readers
	begun  time.Time    // of tick 0
}

func newWheel(heartbeat time.Duration) *wheel {
	w := &wheel{
		step:   max(period(heartbeat)/periodTicks, time.Millisecond),
		ticker: time.NewTicker(time.Hour), begun: time.Now(),
	}
	w.ticker.Stop()
	return w
}

// add counts a new reader.
func (w *wheel) add(r *reader) {
	if w.n == 0 {
		w.now = w.tick(time.Now()) // it stood still
		w.done, w.next = w.now, 0
		w.ticker.Reset(w.step)
	}
	w.n++
	r.last = w.now
}

// remove counts one out.
func (w *wheel) remove() {
	if w.n--; w.n == 0 {
		w.ticker.Stop()
	}
}

func (w *wheel) tick(now time.Time) uint32 { return uint32(now.Sub(w.begun) / w.step) }

// turn moves on to the tick of now. Ticks that were missed, by a process that
// stood still, are made up for by one period: nobody gets the pings of an hour at once.
func (w *wheel) turn(now time.Time) {
	t := w.tick(now)
	if t-w.now > 1<<31 {
		return // now is of before the last turn
	}
	if w.now = t; w.now-w.done > periodTicks {
		w.done, w.next = w.now-periodTicks, 0
	}
}

// beat looks at the readers whose turn has come, a slice of them. It reports
// whether there are more.
func (l *loop) beat() (more bool) {
	w, budget := l.wheel, l.slice
	var ping []byte
	for ; w.done != w.now; w.done, w.next = w.done+1, 0 {
		tick := w.done + 1
		for fd := max(w.next, int(tick%quarter)); fd < len(l.table); fd += quarter {
			r := l.table[fd]
			if r == nil {
				continue
			}
			if budget--; budget < 0 {
				w.next = fd
				return true
			}
			if r.blocked {
				l.expire(r)
			} else if uint32(fd)%periodTicks == tick%periodTicks && w.now-r.last >= quarter {
				if ping == nil {
					ping = appendPing(nil, time.Now())
				}
				l.ping(r, ping)
			}
		}
	}
	return false
}

// expire ends a reader that has been full for the write timeout: at the next
// look, so up to a fifth of a heartbeat late.
func (l *loop) expire(r *reader) {
	if l.wheel.now-r.last >= uint32(min(l.hub.o.WriteTimeout/l.wheel.step, 1<<30)) {
		l.end(r, slow)
	}
}

// ping sends a heartbeat, which is no part of the tail, so it must go out whole:
// to a socket that took a part of it nothing sensible can follow.
func (l *loop) ping(r *reader, frame []byte) {
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
		return
	}
	r.last = l.wheel.now
}
