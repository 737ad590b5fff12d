package sse

// This file is whose turn it is to catch up on a loop. All of it runs in the loop's
// goroutine, but for arrive.

// step is a reader whose turn it is to catch up: with the page that it asked for, or
// why there is none, or to look again.
type step struct {
	*reader
	page *page
	err  error
}

// arrive tells the loop of a step, from any goroutine.
func (l *loop) arrive(s step) {
	l.mu.Lock()
	closed := l.closed
	if !closed {
		l.arrivals = append(l.arrivals, s)
	}
	l.mu.Unlock()
	if closed {
		s.page.release()
		return
	}
	l.rouse()
}

// catchUpSome lets some readers catch up by a page. It reports whether there are more.
func (l *loop) catchUpSome() (more bool) {
	l.mu.Lock()
	l.steps, l.arrivals = append(l.steps, l.arrivals...), nil
	l.mu.Unlock()
	for budget := l.slice; budget > 0 && len(l.steps) > 0; budget-- {
		s := l.steps[0]
		l.steps[0] = step{}
		l.steps = l.steps[1:]
		budget -= l.proceed(s) / dear
	}
	if len(l.steps) == 0 {
		l.steps = nil // the room of a herd is not kept
	}
	return len(l.steps) > 0
}

// proceed has a reader take its step, and returns how many bytes were written.
func (l *loop) proceed(s step) (written int) {
	b := s.behind
	switch {
	case s.gone || b == nil:
		s.page.release()
		return 0
	case s.blocked:
		b.waits = false // when it has room again it looks for itself
		s.page.release()
		return 0
	}
	b.waits, b.page = false, s.page
	if s.err == nil {
		return l.attendFull(s.reader)
	}
	if why := l.hold(s.reader, s.err); why != "" {
		l.end(s.reader, why)
	}
	return 0
}

// dropSteps lets go of the pages of those who wait when the loop ends.
func (l *loop) dropSteps() {
	l.mu.Lock()
	l.steps, l.arrivals = append(l.steps, l.arrivals...), nil
	l.mu.Unlock()
	for _, s := range l.steps {
		s.page.release()
	}
	l.steps = nil
}
