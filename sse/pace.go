package sse

import (
	"context"
	"math/rand/v2"
	"time"
)

// How long waits are: between tries, between heartbeats, before a reconnect.
const (
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 2 * time.Second
)

// backoff is how long to wait after the try-th failure, from 0: doubling, and
// between half and all of it, so that waiters spread.
func backoff(try int) time.Duration {
	d := min(maxBackoff, firstBackoff<<min(try, 10))
	return d/2 + rand.N(d/2)
}

// retryFor is how long a reader is to wait before it reconnects. A full
// instance asks for more than one that is about to be replaced.
func retryFor(why reason) time.Duration {
	if why == full {
		return 5*time.Second + rand.N(10*time.Second)
	}
	return time.Second + rand.N(2*time.Second)
}

// rest waits for d or the end of ctx.
func rest(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// pace is what one stream waits for beside its room: silence, and its turn to
// leave. Owned by the stream's goroutine.
type pace struct {
	hub      *Hub
	ctx      context.Context // the request's: its end is the client hanging up
	draining <-chan struct{} // nil once the stream knows
	turn     *time.Timer     // nil until draining
	beat     *time.Timer
	next     time.Time // the stream's moment for a ping
}

func newPace(ctx context.Context, h *Hub) *pace {
	p := &pace{hub: h, ctx: ctx, draining: h.draining, beat: time.NewTimer(time.Hour)}
	p.restart()
	return p
}

// period is the time between two moments at which a stream may be sent a ping:
// it is, unless it was sent something within the last quarter of it. So silence
// lasts a heartbeat at most, which is five quarters, and a stream's moments stay
// where they are: a message to all readers of a large room does not have their
// next pings fall together, as they would if each came a heartbeat after it.
func period(heartbeat time.Duration) time.Duration { return heartbeat / 5 * 4 }

// restart puts the stream's moments at a random phase, so that a million readers
// of quiet rooms are spread over the whole of a period.
func (p *pace) restart() {
	wait := rand.N(max(1, period(p.hub.o.Heartbeat))) + 1
	p.next = time.Now().Add(wait)
	p.beat.Reset(wait)
}

func (p *pace) stop() {
	p.beat.Stop()
	if p.turn != nil {
		p.turn.Stop()
	}
}

// wait sends what is written, then waits until wake is closed, sending pings in
// the meantime. An error is the end of the stream: hangup, drain, or out's.
func (p *pace) wait(out *writer, wake <-chan struct{}) error {
	_, err := p.waitUntil(out, wake, nil)
	return err
}

// waitUntil is wait that late ends too. It reports whether wake was closed.
func (p *pace) waitUntil(out *writer, wake <-chan struct{}, late <-chan time.Time) (woken bool, err error) {
	if err := out.flush(); err != nil {
		return false, err
	}
	for {
		var turn <-chan time.Time
		if p.turn != nil {
			turn = p.turn.C
		}
		select {
		case <-wake:
			return true, nil
		case <-late:
			return false, nil
		case <-p.ctx.Done():
			return false, hangup
		case <-p.hub.closed.Done():
			return false, drain
		case <-turn:
			return false, drain
		case <-p.draining:
			p.draining = nil
			p.turn = time.NewTimer(rand.N(p.hub.o.Drain) + 1)
		case <-p.beat.C:
			if err := p.heartbeat(out); err != nil {
				return false, err
			}
		}
	}
}

// heartbeat is the stream's moment: it sends a ping unless something was sent a
// short while ago. Moments that were missed are not made up for.
func (p *pace) heartbeat(out *writer) error {
	now, every := time.Now(), max(1, period(p.hub.o.Heartbeat))
	p.next = p.next.Add((now.Sub(p.next)/every + 1) * every)
	p.beat.Reset(p.next.Sub(now))
	if out.last.IsZero() || now.Sub(out.last) < every/4 {
		return nil
	}
	return out.ping()
}
