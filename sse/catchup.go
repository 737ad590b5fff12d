package sse

import "causette/chat"

// catchUp brings a reader that is older than the tail into it: pages from the
// log, until the tail knows the last event of them.
func (s *stream) catchUp(at start) error {
	for last, page, try := at.id, *at.page, 0; ; try++ {
		for _, e := range page.Events {
			s.buf, last = AppendFrame(s.buf, e), e.ID
			if len(s.buf) >= gatherSize {
				if err := s.send(); err != nil {
					return err
				}
			}
		}
		moved := s.tail.moved()
		if s.join(last) {
			return s.gather()
		}
		if err := s.send(); err != nil {
			return err
		}
		var err error
		switch {
		case len(page.Events) > 0:
			try = 0
		case s.tail.behind(last): // it has yet to learn what the log knows
			err = s.pace.wait(s.out, moved)
		default: // since the log was asked, it has gone on, and let go of last
			err = s.pace.waitFor(s.out, backoff(try))
		}
		if err != nil {
			return err
		}
		if page, err = s.nextPage(last); err != nil {
			return err
		}
	}
}

// join puts the reader behind last in the tail. What changed since its hello,
// while it was reading the log, it is told now.
func (s *stream) join(last chat.EventID) bool {
	_, end, down := s.entry.room.now()
	pos, ok := s.tail.after(last)
	if ok {
		s.cursor = cursor{pos: pos, liveFrom: end}
		s.appendNews(s.hub.presence.Participants(s.sub.Room), down)
	}
	return ok
}

// nextPage reads what follows last, however long that takes. If the log no
// longer knows last it was trimmed under way, by a log faster than its reader.
func (s *stream) nextPage(last chat.EventID) (chat.Page, error) {
	for try := 0; ; try++ {
		page, err := s.read(last)
		switch {
		case s.tail.closed.Load():
			return page, replaced
		case err == nil && page.Gap:
			return page, slow
		case err == nil:
			return page, nil
		}
		if err := s.hold(err, try); err != nil {
			return page, err
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
