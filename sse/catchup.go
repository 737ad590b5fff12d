package sse

// This file is how a stream with a goroutine comes into its tail. How one does that
// a loop has is in behind_linux.go.

// catchUp brings a reader that is older than the tail into it: by what the log has,
// until the tail knows the last event of that. While it waits for its client it
// holds what it is sending, and no page.
func (s *stream) catchUp() error {
	if s.caught {
		return nil
	}
	if err := s.borrow(); err != nil {
		return err
	}
	defer s.hub.budget.settle(s.from, gatherSize)
	for try := 0; ; try++ {
		moved := s.tail.moved()
		if s.join() {
			return s.gather()
		}
		p, err := s.nextPage()
		if err != nil {
			return err
		}
		n := s.copyFrom(p)
		p.release()
		switch {
		case n > 0:
			try, err = -1, s.send()
		case s.tail.behind(s.last): // it has yet to learn what the log knows
			err = s.pace.wait(s.out, moved)
		default: // since the log was asked, it has gone on, and let go of last
			err = s.waitFor(backoff(try))
		}
		if err != nil {
			return err
		}
	}
}

// borrow waits until the budget has the memory of a write.
func (s *stream) borrow() error {
	for try := 0; !s.hub.budget.lend(s.from, gatherSize); try++ {
		if err := s.waitFor(backoff(try)); err != nil {
			return err
		}
	}
	return nil
}

// copyFrom puts what follows the reader's place into buf, as far as the page has it
// and a write has room. It returns how many frames that are.
func (s *stream) copyFrom(p *page) (n int) {
	frame, ok := p.next(s.last)
	for ; ok && frame < len(p.marks); frame++ {
		from, to := p.begins(frame), p.marks[frame].end
		if len(s.buf)+to-from > gatherSize && len(s.buf) > 0 {
			break
		}
		s.buf = append(s.buf, p.frames[from:to]...)
		s.last = p.marks[frame].id
		n++
	}
	return n
}

// join puts the reader behind last in the tail, if that knows it. What changed since
// its hello, while it was reading the log, it is told now.
func (s *stream) join() bool {
	_, end, down := s.entry.room.now()
	pos, ok := s.tail.after(s.last)
	if ok {
		s.cursor, s.caught = cursor{pos: pos, liveFrom: end}, true
		s.buf = s.appendNews(s.buf, s.hub.presence.Participants(s.sub.Room), down)
	}
	return ok
}

// nextPage is the page that follows last, however long that takes. If the log no
// longer knows last it was trimmed under way, by a log faster than its reader. The
// caller releases it.
func (s *stream) nextPage() (*page, error) {
	for try := 0; ; try++ {
		p, err := s.readOn(s.last)
		switch {
		case s.tail.closed.Load():
			p.release()
			return nil, replaced
		case err == nil && p.gap:
			p.release()
			return nil, slow
		case err == nil:
			return p, nil
		}
		if err := s.hold(err, try); err != nil {
			return nil, err
		}
	}
}

// gather puts what the tail has for the reader behind what is in buf, and sends
// it in one write. What does not fit is left to follow.
func (s *stream) gather() error {
	for {
		chunk, next, err := s.tail.run(s.cursor)
		if err != nil || next == s.pos || len(s.buf)+len(chunk) > gatherSize {
			break // follow comes upon the same again
		}
		s.buf = append(s.buf, chunk...)
		s.pos = next
	}
	err := s.send()
	s.buf = nil // from here on the tail's own bytes are sent
	return err
}
