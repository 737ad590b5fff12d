package sse

import "causette/chat"

// pause waits until done is closed. Its error is why the caller waits no longer.
type pause func(done <-chan struct{}) error

// after is the page that follows id, for one who begins there: if it can be, a
// whole page that others share, of which this is a part. The caller releases it.
func (s *shelf) after(id chat.EventID, from *origin, await pause) (*page, error) {
	if p := s.find(id); p != nil {
		return p, nil
	}
	if whole := s.beginning(id); whole != id {
		p, err := s.wait(whole, from, await)
		if err != nil {
			return nil, err
		}
		// It may be of before id came to be, or begin before the log does.
		if _, ok := p.next(id); ok {
			return p, nil
		}
		p.release()
	}
	return s.wait(id, from, await)
}

// beginning is where a page begins that has what follows id, or id itself where
// the events are so large that none has.
func (s *shelf) beginning(id chat.EventID) chat.EventID {
	s.lib.mu.Lock()
	defer s.lib.mu.Unlock()
	over := id.Seq % pageSize
	if int(over)*s.average > pageBytes {
		return id
	}
	id.Seq -= over
	return id
}

// waiter is a goroutine that waits for a page.
type waiter struct {
	done chan struct{} // closed once what follows is set
	page *page
	err  error
}

// wait asks for the page that follows id, and waits for it, which takes as long as
// others are in line before it. The caller releases it. An error is the log's, or
// await's.
func (s *shelf) wait(id chat.EventID, from *origin, await pause) (*page, error) {
	w := &waiter{done: make(chan struct{})}
	s.ask(id, from, w, func(p *page, err error) {
		w.page, w.err = p, err
		close(w.done)
	})
	err := await(w.done)
	if err == nil {
		return w.page, w.err
	}
	if !s.leave(id, w) {
		<-w.done // the answer is on its way
		w.page.release()
	}
	return nil, err
}
