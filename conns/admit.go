package conns

import (
	"container/list"
	"time"
)

// arrive takes in a connection that was accepted: it has a place, or it waits.
func (l *Limiter) arrive(c *conn) {
	spare := l.spareFiles()
	l.mu.Lock()
	defer l.unlock()
	if l.closed {
		c.state = gone
		l.doomed = append(l.doomed, c)
		return
	}
	l.queueLocked(c, l.ownerLocked(c.peer))
	l.makeRoomLocked(c.owner)
	l.fillLocked()
	l.dropLocked(c.owner, spare)
	l.armLocked()
	l.grown = false // the listener looks after this
}

// spareFiles is how many connections may wait.
func (l *Limiter) spareFiles() int {
	if l.o.Files == nil {
		return maxWaiting
	}
	return min(maxWaiting, max(0, l.o.Files()-l.o.Limit))
}

// roomLocked reports whether an owner can have a place.
func (l *Limiter) roomLocked(o *owner) bool {
	return l.o.Limit <= 0 || l.active < l.o.Limit && l.ownsLessLocked(o)
}

// makeRoomLocked closes a connection at once, if there is one to close, so that an
// owner can have a place. It reports whether it can have one.
func (l *Limiter) makeRoomLocked(o *owner) bool {
	if l.roomLocked(o) {
		return true
	}
	most := l.byActive.first()
	switch {
	case l.ownsLessLocked(o) && len(most.active) > max(l.shareLocked(), len(o.active)+1):
		l.evictLocked(most.stalest(), reasonShare)
	default:
		idle := o.longestIdle()
		if idle == nil {
			return false
		}
		l.evictLocked(idle, reasonIdle)
	}
	return l.roomLocked(o)
}

// shareLocked is how many places there are for each owner.
func (l *Limiter) shareLocked() int { return max(browserShare, l.o.Limit/max(1, len(l.owners))) }

// evictLocked closes a connection to make room.
func (l *Limiter) evictLocked(c *conn, why reason) {
	l.leaveLocked(c, gone)
	l.doomed = append(l.doomed, c)
	l.closes.WithLabelValues(string(why)).Inc()
}

// returnLocked hands an active connection to Accept.
func (l *Limiter) returnLocked(c *conn) {
	l.ready, l.grown = append(l.ready, c), true
}

// fillLocked gives the free places to those who wait: one to each owner in turn.
func (l *Limiter) fillLocked() {
	for l.turns.Len() > 0 && (l.o.Limit <= 0 || l.active < l.o.Limit) {
		o := l.turns.Front().Value.(*owner)
		l.turns.MoveToBack(o.turn)
		c := frontOf(&o.waiting)
		l.unqueueLocked(c)
		l.joinLocked(c, o)
		c.lastByte.Store(l.now()) // it could not make progress before
		l.returnLocked(c)
	}
}

// queueLocked has a connection wait.
func (l *Limiter) queueLocked(c *conn, o *owner) {
	c.owner, c.since = o, time.Now()
	c.place, c.placeAll = o.waiting.PushBack(c), l.waiting.PushBack(c)
	l.queued.Store(int64(l.waiting.Len()))
	l.changedLocked(o)
}

// unqueueLocked is the inverse of queueLocked, but that the owner's place is still
// that of its counts before.
func (l *Limiter) unqueueLocked(c *conn) {
	c.owner.waiting.Remove(c.place)
	l.waiting.Remove(c.placeAll)
	l.queued.Store(int64(l.waiting.Len()))
	c.owner, c.place, c.placeAll = nil, nil, nil
}

// dropLocked closes the oldest waiting ones that are too many: of an owner, which has
// at most three quarters of spare, and in all.
func (l *Limiter) dropLocked(o *owner, spare int) {
	if o.waiting.Len() > (spare*3+3)/4 {
		l.evictLocked(frontOf(&o.waiting), reasonOverflow)
	}
	for l.waiting.Len() > spare {
		l.evictLocked(frontOf(&l.byWaiting.first().waiting), reasonOverflow)
	}
}

// dropOldest closes the oldest waiting connection of the owner that has the most,
// where there is one: the process has no descriptor left.
func (l *Limiter) dropOldest() {
	l.mu.Lock()
	defer l.unlock()
	if l.waiting.Len() > 0 {
		l.evictLocked(frontOf(&l.byWaiting.first().waiting), reasonOverflow)
	}
}

func frontOf(all *list.List) *conn { return all.Front().Value.(*conn) }
