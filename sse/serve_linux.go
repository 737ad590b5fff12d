package sse

import (
	"slices"
	"time"
)

// This file is how a loop writes. All of it runs in the loop's goroutine.

// adopt takes in some of those who have come. It reports whether there are more.
func (l *loop) adopt() (more bool) {
	l.mu.Lock()
	n := min(len(l.inbox), l.slice)
	some := l.inbox[:n:n]
	l.inbox = l.inbox[n:]
	more = len(l.inbox) > 0
	if !more {
		l.inbox = nil // the room of a herd is not kept
	}
	l.mu.Unlock()
	for i, n := range some {
		l.enter(n)
		some[i] = newcomer{}
	}
	return more
}

// enter puts a newcomer among the readers of its tail, and writes to it what
// has gathered since it was at net/http. The tail is watched before its end is
// looked at: what is appended later comes to the group's ears.
func (l *loop) enter(n newcomer) {
	r := n.reader
	if err := l.enlist(r); err != nil {
		l.hub.o.Log.Error("socket not watched", "error", err)
		l.refuse(n, full)
		return
	}
	if int(r.fd) >= len(l.table) {
		l.table = slices.Grow(l.table, int(r.fd)+1-len(l.table))[:r.fd+1]
	}
	l.table[r.fd] = r
	g := l.groups[n.tail]
	if g == nil {
		g = &group{loop: l, entry: n.entry, tail: n.tail}
		l.groups[n.tail] = g
		n.tail.watch(g)
	}
	g.add(r)
	l.wheel.add(r)
	if l.leave != nil {
		l.leave.add(r)
	}
	l.attend(r)
}

// advance gives the next room that has grown a slice of the loop's time. It
// reports whether there is more to do.
func (l *loop) advance() (busy bool) {
	l.mu.Lock()
	g := l.queue.pop()
	busy = l.queue.first != nil
	l.mu.Unlock()
	if g == nil {
		return false
	}
	if g.next == 0 && time.Now().Before(g.rests) {
		l.rest(g)
		return busy
	}
	g.queued.Store(false) // before the pass looks at the tail's end: what comes later queues it again
	if g.pass() {
		g.moved()
		return true
	}
	return busy
}

// rest puts a room aside until it has rested. It stays marked as queued.
func (l *loop) rest(g *group) {
	l.resting = append(l.resting, g)
	l.rested.Reset(time.Until(l.resting[0].rests))
}

// resume puts those who have rested back in line. Later ones may have to rest
// for a shorter time than the first: they then rest as long, which is not long.
func (l *loop) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range l.resting {
		l.queue.push(g)
	}
	clear(l.resting)
	l.resting = l.resting[:0]
}

// attend serves one reader apart from its group's passes. It returns how many bytes
// were written.
func (l *loop) attend(r *reader) (written int) {
	t, from := r.group.tail, max(r.pos, r.liveFrom)
	over := t.closed.Load()
	written, ended := l.serve(r)
	l.observe(t, from, r.pos)
	if !ended && over {
		l.end(r, replaced)
	}
	return written
}

// serve writes to r what the tail has for it. One whose socket is full is left
// alone until its edge, or until the tail has moved on from under it. It reports
// whether that ended r.
func (l *loop) serve(r *reader) (written int, ended bool) {
	t := r.group.tail
	var why reason
	switch {
	case !r.blocked:
		if r.behind != nil {
			written, why = l.catchUp(r, t)
		}
		if r.behind == nil && !r.blocked && why == "" {
			var n int
			n, why = l.push(r, t)
			written += n
		}
		if written > 0 || r.blocked {
			r.last = l.wheel.now
		}
	case r.behind == nil && r.pos < t.start.Load():
		why = slow
	}
	if why != "" {
		l.end(r, why)
	}
	return written, why != ""
}

// observe takes the delay of the oldest message in [from, to), which was live.
func (l *loop) observe(t *tail, from, to int64) {
	if from < to {
		l.hub.o.Metrics.wrote(t.posted(from, to))
	}
}
