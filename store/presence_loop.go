package store

import (
	"context"
	"time"

	"causette/chat"
)

// run tells Redis of what changed, and renews the leases, until ctx ends.
func (p *presence) run(ctx context.Context) error {
	defer p.alarm.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.wake:
		case <-p.alarm.C:
			p.look(time.Now())
		}
		for batch := p.take(); len(batch) > 0 && ctx.Err() == nil; batch = p.take() {
			p.tell(ctx, batch)
		}
	}
}

// watchSleep looks that this process runs, until ctx ends.
func (p *presence) watchSleep(ctx context.Context) error {
	tick := time.NewTicker(max(p.s.o.Lease/12, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			p.mu.Lock()
			p.stir()
			p.mu.Unlock()
		}
	}
}

// stir notes that this process runs now. If it did not for so long, stopped by a
// signal or with its machine, that others may have buried it, every room is told:
// a lease is up to a third old when such a sleep begins. The caller holds mu.
func (p *presence) stir() {
	now := time.Now()
	if now.Sub(p.awake) > p.s.o.Lease/2 {
		for _, r := range p.rooms {
			r.asleep = true
		}
	}
	p.awake = now
}

// remind has the loop look at the rooms when this one is due, if it would not
// before. It looks no more often than four times within PresenceEvery, for it looks
// at all of them. The caller holds mu.
func (p *presence) remind(r *presenceRoom) {
	at, ok := r.due()
	if !ok || r.queued {
		return
	}
	if soonest := p.looked.Add(p.s.o.PresenceEvery / 4); at.Before(soonest) {
		at = soonest
	}
	if p.looks.IsZero() || at.Before(p.looks) {
		p.looks = at
		p.alarm.Reset(time.Until(at))
	}
}

// look enqueues the rooms whose time has come: to tell what changed, or to renew.
func (p *presence) look(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.looked, p.looks = now, time.Time{}
	for room, r := range p.rooms {
		if at, ok := r.due(); ok && !now.Before(at) {
			p.enqueue(room, r)
		} else {
			p.remind(r)
		}
	}
}

// take takes up to maxBatch rooms off the queue.
func (p *presence) take() []chat.RoomID {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(len(p.ready), maxBatch)
	batch := p.ready[:n:n]
	p.ready = p.ready[n:]
	return batch
}
