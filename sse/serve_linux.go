package sse

import (
	"slices"

	"golang.org/x/sys/unix"
)

// This file is what a loop does with its readers. All of it runs in the loop's
// goroutine.

// adopt takes in who has come.
func (l *loop) adopt() {
	l.mu.Lock()
	inbox := l.inbox
	l.inbox = nil
	l.mu.Unlock()
	for _, n := range inbox {
		l.enter(n)
	}
}

// enter puts a newcomer among the readers of its tail, and writes to it what
// has gathered since it was at net/http.
func (l *loop) enter(n newcomer) {
	r, fd := n.reader, int(n.fd)
	l.gen++
	r.gen = l.gen
	event := unix.EpollEvent{Events: unix.EPOLLET | unix.EPOLLOUT | unix.EPOLLRDHUP, Fd: r.fd, Pad: int32(r.gen)}
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		l.hub.o.Log.Error("socket not watched", "error", err)
		_ = unix.Close(fd)
		l.hub.release(n.entry, r.session, failed)
		return
	}
	if fd >= len(l.table) {
		l.table = slices.Grow(l.table, fd+1-len(l.table))[:fd+1]
	}
	l.table[fd] = r
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
	if _, err := l.serve(r); err == nil && n.tail.closed.Load() {
		l.end(r, replaced)
	}
}

// advance gives the next room that has grown a slice of the loop's time. It
// reports whether there is more to do.
func (l *loop) advance() (busy bool) {
	l.mu.Lock()
	var g *group
	if len(l.queue) > 0 {
		g, l.queue = l.queue[0], l.queue[1:]
	}
	busy = len(l.queue) > 0
	l.mu.Unlock()
	if g == nil {
		return false
	}
	g.queued.Store(false) // before the pass looks at the tail's end: what comes later queues it again
	if g.pass() {
		g.moved()
		return true
	}
	return busy
}

// serve writes to r what the tail has for it, unless its socket is full. An
// error says that r has ended.
func (l *loop) serve(r *reader) (written int, err error) {
	if r.blocked {
		return 0, nil
	}
	written, why := r.push(r.group.tail)
	if written > 0 || r.blocked {
		r.last = l.wheel.now
	}
	if why != "" {
		l.end(r, why)
		return written, why
	}
	return written, nil
}

// wrote counts what a slice of a pass has written, all of it after from: the
// delay is that of its oldest message, once a slice and not once a reader.
func (l *loop) wrote(t *tail, written int, from, to int64) {
	if written == 0 {
		return
	}
	l.hub.o.Metrics.bytes.Add(float64(written))
	if from < to {
		l.hub.o.Metrics.wrote(t.posted(from, to))
	}
}

// handle takes what the kernel says of sockets.
func (l *loop) handle(events []unix.EpollEvent) {
	for _, e := range events {
		if int(e.Fd) >= len(l.table) {
			continue
		}
		r := l.table[e.Fd]
		if r == nil || r.gen != uint32(e.Pad) {
			continue // it ended after the kernel spoke
		}
		if e.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			l.end(r, hangup)
			continue
		}
		r.blocked = false
		l.catchUp(r)
	}
}

// catchUp serves one reader apart from its group's passes.
func (l *loop) catchUp(r *reader) {
	over := r.group.tail.closed.Load()
	written, err := l.serve(r)
	l.wrote(r.group.tail, written, 0, 0)
	if err == nil && over {
		l.end(r, replaced)
	}
}

// end closes a reader: tells it why if it can still be told, and forgets it.
func (l *loop) end(r *reader, why reason) {
	if why.told() && !r.within {
		_, _ = r.write(appendBye(nil, why, retryFor(why))) // as much as its socket takes
	}
	l.table[r.fd] = nil
	_ = unix.Close(int(r.fd))
	r.gone = true
	g := r.group
	g.remove(r)
	if len(g.readers) == 0 {
		g.tail.unwatch(g)
		delete(l.groups, g.tail)
	}
	l.hub.release(g.entry, r.session, why)
}

// endAll closes whoever is left when the hub closes.
func (l *loop) endAll() {
	l.adopt()
	for _, r := range l.table {
		if r != nil {
			l.end(r, drain)
		}
	}
	l.wheel.ticker.Stop()
	l.leave.stop()
}
