package sse

import (
	"context"
	"errors"
	"time"

	"causette/chat"
)

// verdict says what became of the position that a reader came with.
type verdict string

const (
	fresh   verdict = "fresh"   // it came with none
	resumed verdict = "resumed" // it gets exactly what came after it
	gap     verdict = "gap"     // it is none of this log: something may be missed
)

// start is where a reader begins.
type start struct {
	verdict verdict
	id      chat.EventID // just before the first event it gets
	pos     int64        // the same in the tail, if page is nil
	page    *page        // the first events after id, if the tail begins later; to be released
}

// begin finds where the stream begins, asking until the log can be read.
func (s *stream) begin() (start, error) {
	s.began = time.Now()
	for try := 0; ; try++ {
		s.tail, _, _ = s.entry.room.now()
		at, err := s.locate()
		if err == nil {
			return at, nil
		}
		if err := s.hold(err, try); err != nil {
			return start{}, err
		}
	}
}

// locate decides the verdict and the place. Its error is the store's, or a reason.
func (s *stream) locate() (start, error) {
	v := fresh
	if s.sub.LastEventID != "" {
		v = gap
		if id, err := chat.ParseEventID(s.sub.LastEventID); err == nil {
			at, known, err := s.find(id)
			if err != nil {
				return start{}, err
			}
			if known {
				at.verdict = resumed
				return at, nil
			}
		}
	}
	head, err := s.newest()
	if err != nil {
		return start{}, err
	}
	at, known, err := s.find(head.Back(int64(max(0, s.sub.History))))
	if why, ok := errors.AsType[reason](err); ok {
		return start{}, why
	}
	if !known || err != nil {
		// The log is shorter than the history asked for, or cannot be read: what
		// the tail has must do, and nobody was promised more.
		at = start{}
		at.pos, at.id = s.tail.oldest()
	}
	at.verdict = v
	return at, nil
}

// newest is the id of the room's newest message. A tail whose log was replaced
// may still be on its way to it; then the log is asked, once for all who come now.
func (s *stream) newest() (chat.EventID, error) {
	if id, known := s.tail.newest(); known {
		return id, nil
	}
	p, err := s.readOn(chat.EventID{})
	if err != nil {
		return chat.EventID{}, err
	}
	defer p.release()
	return p.head, nil
}

// find looks for id in the tail, then in the log. It reports false if neither
// has it.
func (s *stream) find(id chat.EventID) (at start, known bool, err error) {
	if pos, ok := s.tail.after(id); ok {
		return start{id: id, pos: pos}, true, nil
	}
	p, err := s.hear(s.tail.pages.after(id, s.from, s.await))
	if err != nil || p.gap {
		p.release()
		return start{}, false, err
	}
	return start{id: id, page: p}, true, nil
}

// readOn is the page that follows id, for one who had those before it.
func (s *stream) readOn(id chat.EventID) (*page, error) {
	return s.hear(s.tail.pages.wait(id, s.from, s.await))
}

// hear takes an answer of the log. A tail that has yet to hear of its log learns
// from it that there is nothing to hear.
func (s *stream) hear(p *page, err error) (*page, error) {
	if err == nil {
		s.tail.learn(p)
	}
	return p, err
}

// hold waits after a question to the log that failed with err, if it is worth
// asking again; the client is told that Redis is away. Otherwise it says why the
// stream ends.
func (s *stream) hold(err error, try int) error {
	why, ended := errors.AsType[reason](err)
	switch {
	case ended:
		return why
	case s.hub.closed.Err() != nil:
		return drain
	case !errors.Is(err, chat.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded):
		s.hub.o.Log.Error("the log of a room cannot be read", "room", string(s.sub.Room), "error", err)
		return failed
	}
	if !errors.Is(err, chat.ErrBusy) { // too many read at once: Redis is not away
		if err := s.tellDown(); err != nil {
			return err
		}
	}
	return s.waitFor(backoff(try))
}
