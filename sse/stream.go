package sse

import (
	"net/http"
	"time"

	"causette/chat"
)

// gatherSize bounds what is put together for one write, in bytes: what a reader
// holds in memory beside the tail, if it has a goroutine.
const gatherSize = 32 << 10

// Subscription is what a client asks for.
type Subscription struct {
	Room   chat.RoomID
	Person chat.Person // who reads; its ID is never empty
	// Address is what the stream counts under for MaxStreamsPerAddress; empty
	// counts nowhere.
	Address string
	// LastEventID is where the client was, as it sent it; empty if it is new.
	// One that cannot be read is an unknown position: a gap.
	LastEventID string
	// History is how many of the newest messages a client without a known
	// position gets.
	History int
	// Greeted is called once the client has its hello, from the stream's goroutine; it may
	// be nil, and is not called for a stream that ends before. It never waits.
	Greeted func()
}

// stream is one reader. Owned by the goroutine that serves it.
type stream struct {
	hub     *Hub
	sub     Subscription
	request *http.Request
	from    *origin // nil if its address is not counted
	entry   *entry  // nil until entered
	out     *writer
	pace    *pace

	joined bool      // told to presence
	began  time.Time // when it first looked where it begins
	tail   *tail     // the one it began with; another one in the room ends the stream
	cursor           // of a stream that is in the tail
	caught bool      // it is in the tail
	place            // of one that is not

	buf []byte // what is put together for the next write
}

// place is where a reader is that has yet to come into its tail, and what it was
// last told of what is not in the log.
type place struct {
	last     chat.EventID // the newest event that it was sent
	presence chat.Presence
	down     bool
}

// appendNews puts behind b what the client was not told yet.
func (p *place) appendNews(b []byte, now chat.Presence, down bool) []byte {
	if now != p.presence {
		p.presence = now
		b = appendPresence(b, now)
	}
	if down != p.down {
		p.down = down
		b = appendStatus(b, down)
	}
	return b
}

// serve is the life of a stream. Its error is why it ended.
func (s *stream) serve() error {
	if err := s.enter(); err != nil {
		return err
	}
	s.hub.presence.Join(s.sub.Room, s.sub.Person, s.sub.Address)
	s.joined = true
	at, err := s.begin()
	if err != nil {
		return err
	}
	if err := s.sayHello(at); err != nil {
		return err
	}
	if err := s.out.flush(); err != nil {
		return err
	}
	if s.sub.Greeted != nil {
		s.sub.Greeted()
	}
	if err := s.hub.poller.take(s); err != nil {
		return err
	}
	s.pace.restart() // the silence begins here
	if err := s.catchUp(); err != nil {
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

// sayHello puts together the hello and the first of what follows it, which is
// sent in one write, and brings the reader into the tail if that is all.
func (s *stream) sayHello(at start) error {
	_, end, down := s.entry.room.now()
	s.last, s.presence = at.id, s.hub.presence.Participants(s.sub.Room)
	var err error
	s.buf, err = appendHello(s.buf[:0], retryFor(hangup), at.id, hello{
		Resume: at.verdict, Room: s.sub.Room, You: s.sub.Person,
		Participants: s.presence.Participants, Named: s.presence.Named,
		Heartbeat: s.hub.o.Heartbeat.Seconds(), Instance: s.hub.o.Instance,
	})
	if err != nil {
		at.page.release()
		s.hub.o.Log.Error("no hello", "error", err)
		return failed
	}
	s.hub.o.Metrics.resumes.WithLabelValues(string(at.verdict)).Inc()
	s.buf = s.appendNews(s.buf, s.presence, down)
	if at.page == nil {
		s.cursor, s.caught = cursor{pos: at.pos, liveFrom: end}, true
		return s.gather()
	}
	s.copyFrom(at.page)
	at.page.release() // before a write, which may take long
	if s.join() {
		return s.gather()
	}
	err = s.send()
	s.buf = nil
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
	if s.down {
		return nil
	}
	s.down = true
	s.buf = appendStatus(appendRetry(s.buf, retryFor(hangup)), true)
	return s.send()
}
