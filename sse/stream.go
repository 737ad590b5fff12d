package sse

import (
	"context"
	"errors"

	"causette/chat"
)

// verdict says what became of the position that a reader came with.
type verdict string

const (
	fresh   verdict = "fresh"   // it came with none
	resumed verdict = "resumed" // it gets exactly what came after it
	gap     verdict = "gap"     // it is none of this log: something may be missed
)

const (
	// pageSize is how many events are read from the log at once for a reader
	// that is behind the tail: what it may hold in memory beside the tail.
	pageSize = 128
	// gatherSize bounds what is put together for one write, in bytes.
	gatherSize = 32 << 10
)

// Subscription is what a client asks for.
type Subscription struct {
	Room   chat.RoomID
	Person chat.Person // who reads; its ID is never empty
	// LastEventID is where the client was, as it sent it; empty if it is new.
	// One that cannot be read is an unknown position: a gap.
	LastEventID string
	// History is how many of the newest messages a client without a known
	// position gets.
	History int
}

// stream is one reader. Owned by the goroutine that serves it.
type stream struct {
	hub   *Hub
	sub   Subscription
	entry *entry // nil until entered
	out   *writer
	pace  *pace

	joined bool  // told to presence
	tail   *tail // the one it began with; another one in the room ends the stream
	cursor

	told struct { // what the client was last told outside the tail
		presence chat.Presence
		down     bool
	}
	buf []byte // what is put together for the next write
}

// start is where a reader begins.
type start struct {
	verdict verdict
	id      chat.EventID // just before the first event it gets
	pos     int64        // the same in the tail, if page is nil
	page    *chat.Page   // the first events after id, if the tail begins later
}

// serve is the life of a stream. Its error is why it ended.
func (s *stream) serve() error {
	if err := s.enter(); err != nil {
		return err
	}
	s.hub.presence.Join(s.sub.Room, s.sub.Person)
	s.joined = true
	at, err := s.begin()
	if err != nil {
		return err
	}
	if err := s.sayHello(at); err != nil {
		return err
	}
	return s.follow()
}

// enter waits until the room is open. If that takes long, the client is told
// that Redis is away, so that it knows it is connected.
func (s *stream) enter() error {
	s.entry = s.hub.enter(s.sub.Room)
	if s.entry == nil {
		return drain
	}
	if err := s.pace.wait(s.out, s.entry.settled); err != nil {
		return err
	}
	select {
	case <-s.entry.ready:
		return nil
	default:
	}
	if err := s.tellDown(); err != nil {
		return err
	}
	return s.pace.wait(s.out, s.entry.ready)
}

// begin finds where the stream begins, asking until the log can be read.
func (s *stream) begin() (start, error) {
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

// hold waits after a question to the log that failed with err, if it is worth
// asking again; the client is told that Redis is away. Otherwise it says why the
// stream ends.
func (s *stream) hold(err error, try int) error {
	switch {
	case s.pace.ctx.Err() != nil:
		return hangup
	case !errors.Is(err, chat.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded):
		s.hub.o.Log.Error("the log of a room cannot be read", "room", string(s.sub.Room), "error", err)
		return failed
	}
	if err := s.tellDown(); err != nil {
		return err
	}
	return s.pace.waitFor(s.out, backoff(try))
}

// locate decides the verdict and the place. Its error comes from the store.
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
// may still be on its way to it; then the log is asked.
func (s *stream) newest() (chat.EventID, error) {
	if id, known := s.tail.newest(); known {
		return id, nil
	}
	page, err := s.read(chat.EventID{})
	if err == nil && page.Head.IsZero() {
		s.tail.startAt(page.Head) // empty: all that comes follows 0-0
	}
	return page.Head, err
}

// find looks for id in the tail, then in the log. It reports false if neither
// has it.
func (s *stream) find(id chat.EventID) (at start, known bool, err error) {
	if pos, ok := s.tail.after(id); ok {
		return start{id: id, pos: pos}, true, nil
	}
	page, err := s.read(id)
	if err != nil || page.Gap {
		return start{}, false, err
	}
	return start{id: id, page: &page}, true, nil
}

func (s *stream) read(after chat.EventID) (chat.Page, error) {
	ctx, cancel := context.WithTimeout(s.pace.ctx, askTimeout)
	defer cancel()
	return s.hub.source.After(ctx, s.sub.Room, after, pageSize)
}

// sayHello sends the hello and the first of what follows it in one write, and
// brings the reader into the tail.
func (s *stream) sayHello(at start) error {
	_, end, down := s.entry.room.now()
	s.cursor = cursor{pos: at.pos, liveFrom: end}
	s.told.presence = s.hub.presence.Participants(s.sub.Room)
	var err error
	s.buf, err = appendHello(s.buf[:0], retryFor(hangup), at.id, hello{
		Resume: at.verdict, Room: s.sub.Room, You: s.sub.Person,
		Participants: s.told.presence.Participants, Named: s.told.presence.Named,
		Heartbeat: s.hub.o.Heartbeat.Seconds(), Instance: s.hub.o.Instance,
	})
	if err != nil {
		s.hub.o.Log.Error("no hello", "error", err)
		return failed
	}
	s.hub.o.Metrics.resumes.WithLabelValues(string(at.verdict)).Inc()
	s.appendNews(s.told.presence, down)
	s.pace.restart()
	if at.page == nil {
		return s.gather()
	}
	return s.catchUp(at)
}

// catchUp brings a reader that is older than the tail into it: pages from the
// log, until the tail knows the last event of them.
func (s *stream) catchUp(at start) error {
	for last, page := at.id, *at.page; ; {
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
		if len(page.Events) == 0 { // the tail has yet to learn what the log knows
			if err := s.pace.wait(s.out, moved); err != nil {
				return err
			}
		}
		var err error
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

// send writes what is in buf.
func (s *stream) send() error {
	err := s.out.write(s.buf)
	s.buf = s.buf[:0]
	return err
}

// tellDown tells the client that Redis is away, unless it knows. It may be the
// first thing that it hears.
func (s *stream) tellDown() error {
	if s.told.down {
		return nil
	}
	s.told.down = true
	s.buf = appendStatus(appendRetry(s.buf, retryFor(hangup)), true)
	return s.send()
}

// appendNews puts into buf what the client was not told yet.
func (s *stream) appendNews(p chat.Presence, down bool) {
	if p != s.told.presence {
		s.told.presence = p
		s.buf = appendPresence(s.buf, p)
	}
	if down != s.told.down {
		s.told.down = down
		s.buf = appendStatus(s.buf, down)
	}
}
