package sse

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"time"

	"causette/chat"
)

// errTaken says that a stream goes on without its goroutine: see poller.
var errTaken = errors.New("the stream was taken over")

// Serve writes the stream that a client asked for, and returns when it has ended:
// by the client, by a bye, or by a write that failed. The status is always 200,
// even where it is refused, because an EventSource gives up for good on any other.
//
// w may be another library's writer around net/http's, with an Unwrap method:
// the first write goes through it, so that it knows that the response has begun;
// the rest goes to the innermost one, which does not hide its errors.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, sub Subscription) {
	out := newWriter(w, r, h.o)
	from, err := h.admit(sub.Address)
	if err != nil {
		h.sayFull(err, sub.Address)
		h.sayBye(out, err)
		return
	}
	boundSocket(r)
	// The id may be a piece of something larger, such as a header. Presence and
	// the poller keep it for as long as the stream lasts, both the same copy.
	sub.Person.ID = strings.Clone(sub.Person.ID)
	s := &stream{hub: h, sub: sub, request: r, from: from, out: out, pace: newPace(r.Context(), h)}
	defer s.pace.stop()
	err = s.serve()
	if errors.Is(err, errTaken) {
		return // the poller goes on with it
	}
	h.sayBye(out, err)
	if s.joined {
		h.part(s.entry.id, sub.Person.ID)
	}
	if s.entry != nil {
		h.leave(s.entry)
	}
	h.dismiss(from)
}

// sayBye ends a stream: says why if the client can still hear it, and counts.
func (h *Hub) sayBye(out *writer, err error) {
	why, ok := errors.AsType[reason](err)
	if !ok {
		why = failed
	}
	h.o.Metrics.closes.WithLabelValues(string(why)).Inc()
	if why.told() && out.write(appendBye(nil, why, retryFor(why))) == nil {
		_ = out.flush() // nobody is left to tell
	}
}

// part tells presence that a stream has ended, unless the instance is stopping:
// then its lease runs out, and whoever is back by then makes no notice.
func (h *Hub) part(room chat.RoomID, session string) {
	if !h.isDraining() {
		h.presence.Leave(room, session)
	}
}

// follow writes the tail to the client as it grows. It is the whole of a
// reader's life after it has joined.
func (s *stream) follow() error {
	for {
		moved, over := s.tail.moved(), s.tail.closed.Load()
		posted, err := s.advance()
		if err == nil {
			err = s.out.flush()
		}
		if err != nil {
			return err
		}
		s.hub.o.Metrics.wrote(posted)
		if over {
			return replaced
		}
		if err := s.pace.wait(s.out, moved); err != nil {
			return err
		}
	}
}

// advance writes what the tail has, up to where it ends now: all that gathered
// since the last time. It returns when the oldest message among what is live was
// posted. A reader that is blocked in a write holds the one segment it is
// writing, however far the tail moves on, and no longer than the write's deadline.
func (s *stream) advance() (posted int64, err error) {
	for end := s.tail.end.Load(); s.pos < end; {
		chunk, next, err := s.tail.run(s.cursor)
		if err != nil {
			return 0, slow
		}
		if posted == 0 && s.pos >= s.liveFrom {
			posted = s.tail.posted(s.pos, next)
		}
		if err := s.out.write(chunk); err != nil {
			return 0, err
		}
		s.pos = next
	}
	return posted, nil
}

// writer writes to one client, each write within the write timeout. After an
// error it writes nothing more. Owned by the goroutine that serves the client.
type writer struct {
	// Static after construction.
	first   http.ResponseWriter // as it was handed to us
	inner   http.ResponseWriter // net/http's own
	control *http.ResponseController
	timeout time.Duration
	metrics *Metrics

	begun bool
	dirty bool      // something is written and not flushed
	last  time.Time // of the last write; zero before the first
	err   error     // why nothing more can be written
}

func newWriter(w http.ResponseWriter, r *http.Request, o Options) *writer {
	head := w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("Cache-Control", "no-cache, no-transform")
	head.Set("X-Accel-Buffering", "no")
	if r.ProtoMajor == 1 {
		head.Set("Connection", "close")
		// net/http's sign for a body that is not chunked, and ends with the
		// connection. The header itself is not sent.
		head.Set("Transfer-Encoding", "identity")
	}
	inner := innermost(w)
	return &writer{
		first: w, inner: inner, control: http.NewResponseController(inner),
		timeout: o.WriteTimeout, metrics: o.Metrics,
	}
}

// innermost is the writer inside all wrappers.
func innermost(w http.ResponseWriter) http.ResponseWriter {
	for {
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = u.Unwrap()
	}
}

// write sends p, or buffers it until the next flush.
func (o *writer) write(p []byte) error {
	if o.err != nil || len(p) == 0 {
		return o.err
	}
	o.arm()
	to := o.inner
	if !o.begun {
		o.begun, to = true, o.first
	}
	n, err := to.Write(p)
	o.metrics.bytes.Add(float64(n))
	o.dirty = true
	return o.check(err)
}

// flush sends what is buffered.
func (o *writer) flush() error {
	if o.err != nil || !o.dirty {
		return o.err
	}
	o.dirty = false
	o.arm()
	return o.check(o.control.Flush())
}

// arm gives the next write its time.
func (o *writer) arm() {
	o.last = time.Now()
	_ = o.control.SetWriteDeadline(o.last.Add(o.timeout)) // a writer without deadlines is a test's
}

// check remembers a failure, and what it means: a write that took too long is
// the reader's slowness.
func (o *writer) check(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		o.err = slow
	default:
		o.err = hangup
	}
	return o.err
}

// ping sends a heartbeat.
func (o *writer) ping() error {
	if err := o.write(appendPing(nil, time.Now())); err != nil {
		return err
	}
	return o.flush()
}
