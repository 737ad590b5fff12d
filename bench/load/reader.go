package load

import (
	"bytes"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// reader is one connection that listens.
type reader struct {
	process *process
	entry   *entry
	room    *room
	number  int // among those of its entry
	fd      int
	step    int // len(steps): it is let in
	track   track
	sent    bool    // its request
	headed  bool    // the response's head has come
	body    chunked // what follows it
	carry   []byte  // what came and could not be understood yet
}

// ready implements [socket].
func (r *reader) ready(events uint32) {
	if !r.sent && events&unix.EPOLLOUT != 0 {
		r.sent = true
		if !r.send(r.entry.request(r)) {
			return
		}
		if err := r.process.watch(r.fd, r, unix.EPOLL_CTL_MOD, unix.EPOLLIN); err != nil {
			r.end(err)
			return
		}
	}
	if events&^unix.EPOLLOUT == 0 {
		return
	}
	chunk, err := r.process.read(r.fd)
	switch {
	case err != nil:
		r.end(err)
	case !r.headed:
		r.head(chunk)
	case r.step < len(r.entry.reader.Steps):
		r.handshake(r.body.decode(chunk))
	default:
		r.process.bytes += len(chunk)
		r.listen(r.process.behind(r.carry, r.body.decode(chunk)))
	}
}

// send writes a small request, which a fresh socket takes whole.
func (r *reader) send(p []byte) bool {
	n, err := unix.Write(r.fd, p)
	if err == nil && n < len(p) {
		err = unix.EAGAIN
	}
	if err != nil {
		r.end(err)
	}
	return err == nil
}

// head reads the head of the response; what follows it is the first of the body.
func (r *reader) head(chunk []byte) {
	r.carry = append(r.carry, chunk...)
	head, body, found := bytes.Cut(r.carry, []byte("\r\n\r\n"))
	if refused(head) || len(head) > maxHead {
		r.entry.blame("refused: %.80q", head)
		r.end(errHangup)
		return
	}
	if !found {
		return
	}
	r.headed = true
	r.body.on = bytes.Contains(bytes.ToLower(head), []byte("\r\ntransfer-encoding: chunked"))
	r.carry = nil
	r.handshake(r.body.decode(body))
}

// refused reports an answer that is no stream.
func refused(head []byte) bool {
	if len(head) < 13 {
		return false
	}
	status := string(head[:12])
	return status != "HTTP/1.1 200" && status != "HTTP/1.1 101"
}

// handshake goes through the steps as far as what came allows.
func (r *reader) handshake(content []byte) {
	r.carry = append(r.carry, content...)
	if len(r.carry) > maxHead {
		r.end(errHangup)
		return
	}
	for _, step := range r.entry.reader.Steps[r.step:] {
		i := bytes.Index(r.carry, step.Await)
		if i < 0 {
			return
		}
		r.carry = r.carry[i+len(step.Await):]
		r.step++
		if len(step.Send) > 0 && !r.send(step.Send) {
			return
		}
	}
	r.entry.letIn(r)
	rest := r.carry
	r.carry = nil
	r.listen(rest)
}

// listen looks for messages in what came.
func (r *reader) listen(chunk []byte) {
	if len(chunk) == 0 {
		return
	}
	p := r.process
	if answer := r.entry.reader.Answer; len(answer.Await) > 0 && bytes.Contains(chunk, answer.Await) {
		if !r.send(answer.Send) {
			return
		}
	}
	now := p.now()
	rest, torn := scan(chunk, func(number uint32, sent int64) {
		arrival := r.track.see(number)
		if r.room.score != nil {
			r.room.score.count(arrival, sent, now)
		}
	})
	if torn > 0 && r.room.score != nil {
		r.room.score.Torn += torn
	}
	if len(rest) > 0 {
		rest = slices.Clone(rest)
	}
	r.carry = rest
}

// end closes the connection: the server hung up, or worse.
func (r *reader) end(err error) {
	r.process.close(r.fd)
	if r.step < len(r.entry.reader.Steps) {
		r.entry.fail(err)
		return
	}
	r.process.cut++
	r.process.blame("a reader was cut: %v", err)
}

// score counts the deliveries of one stream of messages.
type score struct {
	Outcome
	since int64 // messages sent earlier do not count
	moved int64 // when the last delivery came
}

func (s *score) count(a arrival, sent, now int64) {
	if sent < s.since {
		return
	}
	s.moved = now
	if a == double {
		s.Doubled++
		return
	}
	if a == late {
		s.Disordered++
	}
	s.Received++
	s.Delay.Add(time.Duration(now - sent))
	s.Last = now
	if s.First == 0 || sent < s.First {
		s.First = sent
	}
}
