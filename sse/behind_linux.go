package sse

import (
	"bytes"
	"context"
	"errors"
	"time"

	"causette/chat"
)

// This file is how a reader of a loop comes into its tail: page by page of the log,
// a page at most at a time, without a goroutine or a buffer of its own. All of it
// runs in the loop's goroutine.

// catchingUp is what a reader has beside its descriptor until it is in its tail. Owned
// by its loop.
type catchingUp struct {
	place
	// rest is what its full socket did not take of a frame, or of news: a copy, for
	// what has begun goes on as it began. It is counted in the budget.
	rest   []byte
	lent   int64 // bytes counted for it
	page   *page // what was asked for, within one step
	joined bool  // its cursor stands, and only rest comes before it
	idle   bool  // the log has no more, and the tail has yet to learn what it has
	waits  bool  // for a page, for its next step, or until a failed question is asked again
	try    int   // questions in a row that brought nothing
}

// catchUp writes to r what was left of a frame, then the next page of what it lacks,
// or brings it into the tail. It returns how many bytes were written, and why r has to
// end, if it has to. A closed tail's readers are ended by whoever serves them.
func (l *loop) catchUp(r *reader, t *tail) (written int, why reason) {
	b := r.behind
	p := b.page
	b.page = nil
	defer func() { p.release() }()
	if written, why = l.sendRest(r); why != "" || r.blocked || r.behind == nil || b.waits || t.closed.Load() {
		return written, why
	}
	if l.join(r, t) {
		n, why := l.sendRest(r)
		return written + n, why
	}
	if p == nil {
		if b.idle && t.behind(b.last) {
			return written, ""
		}
		if p = t.pages.find(b.last); p == nil {
			l.want(r, t)
			return written, ""
		}
	}
	n, why := l.follow(r, t, p)
	return written + n, why
}

// follow takes what a page says of what follows r's place.
func (l *loop) follow(r *reader, t *tail, p *page) (written int, why reason) {
	b := r.behind
	t.learn(p)
	if frame, ok := p.next(b.last); ok {
		b.try, b.idle = 0, false
		return l.sendPage(r, p, frame)
	}
	switch {
	case t.closed.Load():
	case p.gap:
		return 0, slow // trimmed under way, by a log faster than its reader
	case l.join(r, t): // since the log was asked
		return l.sendRest(r)
	case t.behind(b.last):
		b.idle = true // until the tail learns what the log knows
	default: // since the log was asked, it has gone on, and let go of last
		l.retry(r)
	}
	return 0, ""
}

// sendPage writes what a page has from a frame on, as much as the socket takes.
func (l *loop) sendPage(r *reader, p *page, frame int) (n int, why reason) {
	b, frames := r.behind, p.frames[p.begins(frame):]
	if n, why = l.send(r, frames); why != "" {
		return 0, why
	}
	whole, rest := p.cut(frame, n)
	if begun := whole + min(1, len(rest)); begun > 0 {
		b.last = p.marks[frame+begun-1].id // of which rest may be still to come
	}
	if n == len(frames) {
		l.soon(r)
		return n, ""
	}
	l.block(r)
	if r.within = len(rest) > 0; r.within {
		b.rest = bytes.Clone(rest)
		if !l.lend(r) {
			return n, slow
		}
	}
	return n, ""
}

// sendRest writes what was left over. With that out, a reader that has joined its
// tail is like any other.
func (l *loop) sendRest(r *reader) (n int, why reason) {
	b := r.behind
	if len(b.rest) > 0 {
		if n, why = l.send(r, b.rest); why != "" {
			return 0, why
		}
		if n < len(b.rest) {
			l.block(r)
			r.within = r.within || n > 0
			b.rest = b.rest[n:]
			return n, ""
		}
		r.within, b.rest = false, nil
		l.settle(r)
	}
	if b.joined {
		r.behind = nil
	}
	return n, ""
}

// join puts r behind its last event in the tail, if that knows it. What changed since
// its hello, while it was reading the log, it is told first.
func (l *loop) join(r *reader, t *tail) bool {
	b, e := r.behind, r.group.entry
	_, end, down := e.room.now()
	pos, ok := t.after(b.last)
	if ok {
		r.cursor, b.joined = cursor{pos: pos, liveFrom: end}, true
		b.rest = b.appendNews(nil, l.hub.presence.Participants(e.id), down)
		l.lend(r) // or not: it is a line or two
	}
	return ok
}

// hold is for a question that failed: the client is told that Redis is away, and it
// is asked again. Otherwise it says why r has to end.
func (l *loop) hold(r *reader, err error) (why reason) {
	b := r.behind
	switch {
	case l.hub.closed.Err() != nil:
		return drain
	case !errors.Is(err, chat.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded):
		l.hub.o.Log.Error("the log of a room cannot be read", "room", string(r.group.entry.id), "error", err)
		return failed
	}
	l.retry(r)
	if b.down || errors.Is(err, chat.ErrBusy) { // too many read at once: Redis is not away
		return ""
	}
	b.down = true
	b.rest = appendStatus(appendRetry(nil, retryFor(hangup)), true)
	l.lend(r)
	_, why = l.sendRest(r)
	r.last = l.wheel.now
	return why
}

// want asks for the page that r lacks.
func (l *loop) want(r *reader, t *tail) {
	r.behind.waits = true
	t.pages.ask(r.behind.last, r.from, r, func(p *page, err error) { l.arrive(step{r, p, err}) })
}

// soon has r go on when those had their turn who wait already.
func (l *loop) soon(r *reader) {
	r.behind.waits = true
	l.steps = append(l.steps, step{reader: r})
}

// retry has r go on after a while.
func (l *loop) retry(r *reader) {
	b := r.behind
	b.waits = true
	time.AfterFunc(backoff(b.try), func() { l.arrive(step{reader: r}) })
	b.try++
}

// lend counts what is left over for r against the budget. It reports whether r may
// have it.
func (l *loop) lend(r *reader) bool {
	b, n := r.behind, int64(cap(r.behind.rest))
	if !l.hub.budget.lend(r.from, n) {
		return false
	}
	b.lent += n
	return true
}

// settle gives back what r was lent.
func (l *loop) settle(r *reader) {
	b := r.behind
	l.hub.budget.settle(r.from, b.lent)
	b.lent = 0
}

// abandon is for a reader that ends before it was in its tail.
func (l *loop) abandon(r *reader) {
	if r.behind != nil {
		l.settle(r)
		r.group.tail.pages.leave(r.behind.last, r)
	}
}
