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
	enough   time.Duration // of silence, for the next ping
}

func newPace(ctx context.Context, h *Hub) *pace {
	p := &pace{hub: h, ctx: ctx, draining: h.draining, beat: time.NewTimer(time.Hour)}
	p.restart()
	return p
}

// restart sets the next heartbeat, the first after a hello, to a random phase,
// so that a million readers of quiet rooms are spread over the whole of it.
func (p *pace) restart() {
	p.enough = rand.N(p.hub.o.Heartbeat) + 1
	p.beat.Reset(p.enough)
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
	if err := out.flush(); err != nil {
		return err
	}
	for {
		var turn <-chan time.Time
		if p.turn != nil {
			turn = p.turn.C
		}
		select {
		case <-wake:
			return nil
		case <-p.ctx.Done():
			return hangup
		case <-p.hub.closed.Done():
			return drain
		case <-turn:
			return drain
		case <-p.draining:
			p.draining = nil
			p.turn = time.NewTimer(rand.N(p.hub.o.Drain) + 1)
		case <-p.beat.C:
			if err := p.heartbeat(out); err != nil {
				return err
			}
		}
	}
}

// waitFor is wait for a length of time.
func (p *pace) waitFor(out *writer, d time.Duration) error {
	over := make(chan struct{})
	t := time.AfterFunc(d, func() { close(over) })
	defer t.Stop()
	return p.wait(out, over)
}

// heartbeat sends a ping if the stream has been silent for long enough. Writes
// don't touch the timer. It looks again when the silence would be long enough,
// and up to a quarter later, or one message to a large room would make the next
// pings of all its readers fall on one moment.
func (p *pace) heartbeat(out *writer) error {
	silence := time.Since(out.last)
	enough := p.enough
	p.enough = p.hub.o.Heartbeat
	if out.last.IsZero() || silence < enough {
		p.beat.Reset(max(0, p.enough-silence) + rand.N(p.enough/4+1))
		return nil
	}
	p.beat.Reset(p.enough)
	return out.ping()
}
