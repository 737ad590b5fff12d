package load

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// maxUnanswered bounds what one publisher sends ahead of the answers.
const maxUnanswered = 4096

// run publishes and listens: once to warm up, once measured.
func (p *process) run(r Run, begin func() error) (*Ran, error) {
	deadline := p.now() + int64(seconds(r.Limit))
	var streams []*stream
	for _, s := range r.Streams {
		one, err := p.newStream(s)
		if err != nil {
			return nil, err
		}
		defer one.end()
		streams = append(streams, one)
	}
	for _, s := range streams {
		if s.pipe != nil {
			s.start(int(r.Warm*s.PerSecond), p.now())
		}
	}
	if err := p.pass(streams, seconds(r.Quiet), deadline); err != nil {
		return nil, err
	}
	if err := begin(); err != nil {
		return nil, err
	}
	for _, s := range streams {
		s.start(s.Messages, p.now())
	}
	cut, bytes, busy := p.cut, p.bytes, p.startWatch()
	if err := p.pass(streams, seconds(r.Quiet), deadline); err != nil {
		return nil, err
	}
	ran := &Ran{Bytes: p.bytes - bytes, Cut: p.cut - cut, Busy: busy(), Why: p.trouble}
	for _, s := range streams {
		ran.Outcomes = append(ran.Outcomes, s.outcome())
	}
	return ran, nil
}

// pass goes on until every stream is over, nothing has come for quiet, or the
// deadline.
func (p *process) pass(streams []*stream, quiet time.Duration, deadline int64) error {
	begun := p.now()
	for {
		now := p.now()
		next, moved, over := now+int64(100*time.Millisecond), begun, true
		for _, s := range streams {
			s.publish(now)
			next = min(next, s.due)
			moved = max(moved, s.score.moved, s.published)
			over = over && s.over()
		}
		if over {
			return nil
		}
		if now-moved > int64(quiet) || now > deadline {
			p.blame("gave up waiting after %.1f s", time.Duration(now-begun).Seconds())
			return nil
		}
		if err := p.poll(time.Duration(next - now)); err != nil {
			return err
		}
	}
}

// stream is a Stream under way.
type stream struct {
	Stream
	process   *process
	tmpl      *template
	pipe      *pipe // nil if another generator publishes
	rooms     []*room
	score     *score
	left      int   // messages to publish
	turn      int   // messages published in all
	due       int64 // when the next one is to be sent
	published int64 // when the last one was
}

func (p *process) newStream(s Stream) (*stream, error) {
	one := &stream{Stream: s, process: p, tmpl: newTemplate(s.Request), score: &score{}, due: math.MaxInt64}
	for n := range s.Rooms {
		room := p.room(s.FirstRoom + n)
		room.score = one.score
		one.rooms = append(one.rooms, room)
	}
	if s.Address == "" {
		return one, nil
	}
	var err error
	one.pipe, err = p.newPipe(s.Address, nil)
	return one, err
}

// start begins a series of messages; what was sent before does not count.
func (s *stream) start(messages int, now int64) {
	*s.score = score{since: now}
	for _, r := range s.rooms {
		r.score = s.score
	}
	if s.pipe == nil { // the others' clock may have been read earlier
		s.score.since = 0
		s.score.Sent = messages
		for n := range messages {
			s.score.Expected += s.rooms[n%len(s.rooms)].readers
		}
		return
	}
	s.left = messages
	if messages > 0 {
		s.due = now
	}
}

// publish sends what is due. Behind schedule, because a server does not keep up,
// it sends without pause.
func (s *stream) publish(now int64) {
	for s.left > 0 && s.due <= now && s.pipe.waiting < maxUnanswered && s.pipe.err == nil {
		room := s.rooms[s.turn%len(s.rooms)]
		sent := s.process.now()
		// The moment in ns makes a nonce that no other publisher of the day has.
		s.pipe.send(s.tmpl.fill(room.number, room.next, sent, uint64(sent%1e15)))
		room.next++
		s.turn++
		s.left--
		s.score.Sent++
		s.score.Expected += room.readers
		s.published = sent
		s.due += int64(float64(time.Second) / s.PerSecond)
	}
	if s.left == 0 {
		s.due = math.MaxInt64
	}
}

func (s *stream) over() bool {
	all := s.score.Received >= s.score.Expected
	if s.pipe == nil {
		return all
	}
	return s.pipe.err != nil || s.left == 0 && s.pipe.waiting == 0 && all
}

func (s *stream) outcome() Outcome {
	if s.pipe != nil {
		s.score.Refused = s.pipe.refused
		if why := s.pipe.verdict(); why != "" {
			s.process.blame("%s", why)
		}
	}
	return s.score.Outcome
}

func (s *stream) end() {
	for _, r := range s.rooms {
		r.score = nil
	}
	if s.pipe != nil {
		s.pipe.close()
	}
}

// startWatch begins to measure which share of the time this process computes.
func (p *process) startWatch() (stop func() float64) {
	wall, cpu := p.now(), ownCPU()
	return func() float64 { return float64(ownCPU()-cpu) / float64(max(1, p.now()-wall)) }
}

func ownCPU() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
