package sse

import (
	"context"

	"causette/chat"
)

// after is the page that follows id, for one who begins there: if it can be, a
// whole page that others share, of which this is a part. The caller releases it.
func (s *shelf) after(ctx context.Context, id chat.EventID, from *origin) (*page, error) {
	if p := s.find(id); p != nil {
		return p, nil
	}
	if whole := s.beginning(id); whole != id {
		p, err := s.wait(ctx, whole, from)
		if err != nil {
			return nil, err
		}
		// It may be of before id came to be, or begin before the log does.
		if _, ok := p.next(id); ok {
			return p, nil
		}
		p.release()
	}
	return s.wait(ctx, id, from)
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

// wait asks for the page that follows id, and waits for it. The caller releases it.
func (s *shelf) wait(ctx context.Context, id chat.EventID, from *origin) (*page, error) {
	w := &waiter{done: make(chan struct{})}
	s.ask(id, from, w, func(p *page, err error) {
		w.page, w.err = p, err
		close(w.done)
	})
	var gone error
	select {
	case <-w.done:
		return w.page, w.err
	case <-ctx.Done():
		gone = ctx.Err()
	case <-s.lib.closed.Done():
		gone = drain
	}
	if !s.leave(id, w) {
		<-w.done
		w.page.release()
	}
	return nil, gone
}
