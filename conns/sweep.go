package conns

import (
	"slices"
	"time"
)

// sweepEvery is how often those without progress are looked for while others wait.
const sweepEvery = 100 * time.Millisecond

// armLocked has the next sweep come, while somebody waits.
func (l *Limiter) armLocked() {
	if !l.closed && l.waiting.Len() > 0 && l.sweeper == nil {
		l.sweeper = time.AfterFunc(sweepEvery, l.sweep)
	}
}

// sweep closes those that waited for too long, and for those that still wait the
// ones that have made no progress for their grace.
func (l *Limiter) sweep() {
	spare := l.spareFiles()
	l.mu.Lock()
	defer l.unlock()
	l.sweeper = nil
	for l.waiting.Len() > 0 && time.Since(frontOf(&l.waiting).since) >= maxWait {
		l.evictLocked(frontOf(&l.waiting), reasonWaited)
	}
	for l.waiting.Len() > spare { // streams took the descriptors
		l.evictLocked(frontOf(&l.byWaiting.first().waiting), reasonOverflow)
	}
	for range l.turns.Len() {
		next := l.turns.Front()
		if next == nil {
			break
		}
		l.turns.MoveToBack(next)
		if l.makeRoomLocked(next.Value.(*owner)) {
			l.fillLocked()
		}
	}
	if l.waiting.Len() > 0 {
		for _, c := range l.staleLocked() {
			l.replaceLocked(c)
		}
	}
	l.armLocked()
}

// staleLocked are the active connections that have made no progress for their grace,
// the worst first.
func (l *Limiter) staleLocked() []*conn {
	now := l.now()
	var found []*conn
	for _, o := range l.owners {
		for _, c := range o.active {
			if c.stale(now) {
				found = append(found, c)
			}
		}
	}
	slices.SortFunc(found, func(a, b *conn) int { return int(a.lastByte.Load() - b.lastByte.Load()) })
	return found
}

// replaceLocked closes a connection for one that waits, if one could have its place.
func (l *Limiter) replaceLocked(c *conn) {
	if c.state != active || c.owner.waiting.Len() == 0 && l.turns.Len() == 0 {
		return
	}
	l.evictLocked(c, reasonStale)
	l.fillLocked()
}
