package sse

import (
	"bytes"
	"testing"

	"causette/chat"

	"pgregory.net/rapid"
)

// TestTail_IsANaiveLogToEveryReader drives a tail with appends and readers that
// come to it anywhere, by id, through the log or at a byte, write as much as they
// like, and fall off; and holds it against a list of frames.
func TestTail_IsANaiveLogToEveryReader(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{tail: newTail(rapid.OneOf(rapid.IntRange(50, 5000), rapid.Just(100<<10)).Draw(rt, "limit"))}
		if seq := rapid.Int64Range(-1, 3).Draw(rt, "the log's newest"); seq >= 0 {
			m.first = chat.EventID{Epoch: 9, Seq: seq}
			m.head = m.first
		}
		rt.Repeat(map[string]func(*rapid.T){
			"append": m.appendSome, "append more": m.appendSome, "flood": rarely(m.flood),
			"learn": rarely(m.learn), "log begins anew": rarely(m.renew), "log goes on": rarely(m.goOn), "log is trimmed": rarely(m.trim),
			"come": m.come, "come too": m.come, "come by the way": m.comeAnywhere, "come new": m.comeNew,
			"write": m.write, "write on": m.write, "write yet more": m.write, "look": m.look,
			"": m.check,
		})
		for _, r := range m.readers {
			for !r.ended && (len(r.want) > 0 || !r.joined && m.knows) {
				m.read(rt, r, 1<<20)
			}
		}
	})
}

func (m *model) appendSome(rt *rapid.T) {
	for range rapid.IntRange(1, 5).Draw(rt, "how many") {
		m.add(rt, rapid.OneOf(rapid.IntRange(1, 60), rapid.IntRange(1, 3000)).Draw(rt, "size"), rapid.Bool().Draw(rt, "durable"))
	}
}

// flood is more frames than a tail keeps, so that the ring of its index wraps.
func (m *model) flood(rt *rapid.T) {
	size, live := rapid.IntRange(1, 4).Draw(rt, "size"), rapid.IntRange(1, 4).Draw(rt, "one live in")
	for i := range rapid.IntRange(1, maxFrames+100).Draw(rt, "how many") {
		m.add(rt, size, i%live > 0)
	}
}

// learn has the tail told where the log was when it was made, maybe late.
func (m *model) learn(*rapid.T) {
	m.startAt(m.first)
	m.knows = true
}

// renew has another log follow on an unbroken subscription.
func (m *model) renew(rt *rapid.T) {
	if !m.knows {
		return // a tail that was just made is of one log
	}
	m.log++
	m.head = chat.EventID{Epoch: m.head.Epoch + 9, Seq: -1}
	m.add(rt, rapid.IntRange(1, 60).Draw(rt, "size"), true)
}

// goOn has the log go on in another epoch, as after Redis was started again.
func (m *model) goOn(rt *rapid.T) {
	if m.knows && !m.head.IsZero() {
		m.head.Epoch += 9
		m.add(rt, rapid.IntRange(1, 60).Draw(rt, "size"), true)
	}
}

func (m *model) trim(rt *rapid.T) {
	m.logFrom = rapid.IntRange(m.logFrom, len(m.frames)).Draw(rt, "from")
}

// come has a reader come with the id of any event, or of none.
func (m *model) come(rt *rapid.T) {
	id := m.head.Back(rapid.Int64Range(-1, 1+int64(len(m.frames))).Draw(rt, "back"))
	if n := len(m.frames); n > 0 && rapid.Bool().Draw(rt, "of any log") {
		id = m.frames[rapid.IntRange(0, n-1).Draw(rt, "event")].id
	}
	r := &modelReader{last: id}
	first, ok := behind(m.frames, id), false
	if r.pos, ok = m.find(rt, id); ok {
		r.joined, r.liveFrom = true, m.end.Load()
	} else if first = m.inLog(id); first < 0 {
		return // a gap
	}
	if id == m.head {
		first = len(m.frames)
	}
	for _, f := range m.frames[first:] {
		if !f.live() {
			r.want = append(r.want, f.bytes...)
		}
	}
	m.readers = append(m.readers, r)
	if !r.joined {
		m.catchUp(rt, r, 1) // its verdict came with the first page
	}
}

// comeAnywhere has a reader stand at any byte that is kept, and be live from any
// frame on.
func (m *model) comeAnywhere(rt *rapid.T) {
	kept := m.kept()
	if len(kept) == 0 {
		return
	}
	r := &modelReader{joined: true}
	r.pos = rapid.Int64Range(kept[0].off, m.end.Load()).Draw(rt, "at")
	r.liveFrom = rapid.SampledFrom(kept).Draw(rt, "live from").off
	for _, f := range kept {
		switch begun := r.pos - f.off; {
		case begun >= int64(len(f.bytes)):
		case begun > 0:
			r.want = append(r.want, f.bytes[begun:]...)
		case !f.live() || f.off >= r.liveFrom:
			r.want = append(r.want, f.bytes...)
		}
	}
	m.readers = append(m.readers, r)
}

// comeNew has a reader begin with all that the tail has.
func (m *model) comeNew(rt *rapid.T) {
	pos, id := m.oldest()
	r := &modelReader{joined: true, cursor: cursor{pos: pos, liveFrom: m.end.Load()}}
	before := chat.EventID{}
	if m.knows {
		before = m.head
	}
	for _, f := range m.kept() {
		if f.live() {
			continue
		}
		if len(r.want) == 0 {
			before = f.id.Back(1)
		}
		r.want = append(r.want, f.bytes...)
	}
	if id != before {
		rt.Fatalf("the oldest follows %s, want %s", id, before)
	}
	m.readers = append(m.readers, r)
}

func (m *model) write(rt *rapid.T) {
	if len(m.readers) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.readers)-1).Draw(rt, "reader")
	if r := m.readers[i]; !r.ended {
		m.read(rt, r, rapid.OneOf(rapid.IntRange(0, 100), rapid.Just(1<<20)).Draw(rt, "bytes"))
	}
}

// look asks when the messages of a stretch were posted.
func (m *model) look(rt *rapid.T) {
	from := rapid.Int64Range(0, m.end.Load()).Draw(rt, "from")
	to := rapid.Int64Range(from, m.end.Load()).Draw(rt, "to")
	want := int64(0)
	for _, f := range m.kept() {
		if want == 0 && f.off >= from && f.off < to {
			want = f.at
		}
	}
	if got := m.posted(from, to); got != want {
		rt.Fatalf("the oldest of [%d, %d) was posted at %d, want %d", from, to, got, want)
	}
}

func (m *model) check(rt *rapid.T) {
	if kept := m.kept(); len(kept) > 0 && m.start.Load() != kept[0].off {
		rt.Fatalf("it keeps [%d, %d), want from %d on", m.start.Load(), m.end.Load(), kept[0].off)
	}
	if id, known := m.newest(); known != m.knows || known && id != m.head {
		rt.Fatalf("the newest is %s, %v; want %s, %v", id, known, m.head, m.knows)
	}
	// The end of a segment stays empty where a frame did not fit.
	if most := 2*int(m.limit) + 2*(m.segmentCap+m.largest); held(m.tail) > most {
		rt.Fatalf("it holds %d bytes, want at most %d", held(m.tail), most)
	}
	for _, l := range m.lent {
		if !bytes.Equal(l.chunk, l.was) {
			rt.Fatalf("published bytes became %.50q, were %.50q", l.chunk, l.was)
		}
	}
}

// rarely has an action happen one time in four.
func rarely(f func(*rapid.T)) func(*rapid.T) {
	return func(rt *rapid.T) {
		if rapid.IntRange(0, 3).Draw(rt, "now") == 0 {
			f(rt)
		}
	}
}
