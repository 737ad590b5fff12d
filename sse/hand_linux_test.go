package sse

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"causette/chat"

	"golang.org/x/sys/unix"
)

// hand is a loop without its goroutines, so that a test takes its turns by hand,
// over socket pairs, whose writes arrive before they return.
type hand struct {
	*loop
	*Hub
	room  *room
	entry *entry
	done  func() // ends it all; when the test ends at the latest
}

func newHand(tb testing.TB, o Options) *hand {
	tb.Helper()
	o.Log, o.MaxStreams = quiet, -1
	h := &hand{Hub: NewHub(o, newFakeLog(), benchPresence{})}
	l, err := newLoop(h.Hub)
	if err != nil {
		tb.Fatal(err)
	}
	h.loop = l
	h.entry, h.room = h.open(chat.Lobby)
	h.done = sync.OnceFunc(func() {
		l.endAll()
		_ = l.file.Close()
		h.Hub.Close()
	})
	tb.Cleanup(h.done)
	return h
}

// open is a room of the hub's, kept open.
func (h *hand) open(id chat.RoomID) (*entry, *room) {
	e := h.Hub.enter(id)
	<-e.ready
	return e, e.room
}

// fataler is a test, or one run of a property.
type fataler interface {
	Helper()
	Fatal(...any)
}

// pair is two ends of a connection: the loop's, and the client's, which does not
// wait either. Small buffers have few frames fill them.
func pair(tb fataler, small bool) (server, client int) {
	tb.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	if small {
		if err := unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 1); err != nil { // the kernel's least
			tb.Fatal(err)
		}
	}
	return fds[0], fds[1]
}

// join has a reader of e's room come to the loop, at its tail's end.
func (h *hand) join(tb fataler, e *entry, small bool) (r *reader, client int) {
	tb.Helper()
	server, client := pair(tb, small)
	if err := h.admit(); err != nil {
		tb.Fatal(err)
	}
	h.Hub.mu.Lock()
	e.readers++
	h.Hub.mu.Unlock()
	t, end, _ := e.room.now()
	r = &reader{fd: int32(server), cursor: cursor{pos: end, liveFrom: end}, session: "p_1"}
	h.add(newcomer{reader: r, entry: e, tail: t})
	return r, client
}

// settle takes turns until there is nothing to do.
func (h *hand) settle() {
	events := make([]unix.EpollEvent, maxEvents)
	for {
		arriving, growing := h.adopt(), h.advance()
		n, err := h.poll(events)
		if err != nil {
			panic(err)
		}
		h.handle(events[:n])
		if n == 0 && !arriving && !growing {
			return
		}
	}
}

// drink takes at most n bytes from a client's end, and reports whether that end
// is over.
func drink(tb fataler, client int, n int) (got []byte, over bool) {
	tb.Helper()
	buf := make([]byte, n)
	for len(got) < n {
		k, err := unix.Read(client, buf[:n-len(got)])
		switch {
		case errors.Is(err, unix.EAGAIN):
			return got, false
		case errors.Is(err, unix.ECONNRESET), err == nil && k == 0:
			return got, true
		case err != nil:
			tb.Fatal(err)
		}
		got = append(got, buf[:k]...)
	}
	return got, false
}

func TestLoop_APassGivesEveryReaderWhatTheRoomSaid(t *testing.T) {
	h := newHand(t, Options{})
	var clients []int
	for range 3*slice + 5 {
		_, client := h.join(t, h.entry, false)
		defer unix.Close(client)
		clients = append(clients, client)
	}
	h.settle()
	h.room.Receive(message(0, 10))
	h.room.Receive(message(1, 10))
	h.settle()
	want := AppendFrame(AppendFrame(nil, message(0, 10)), message(1, 10))
	for _, c := range clients {
		if got, over := drink(t, c, 1<<20); over || !bytes.Equal(got, want) {
			t.Fatalf("got %q, %v", got, over)
		}
	}
}

func TestLoop_ASmallRoomWaitsForASliceOfALargeOne(t *testing.T) {
	for name, size := range map[string]int{"small frames": 10, "large frames": 20_000} {
		t.Run(name, func(t *testing.T) {
			h := newHand(t, Options{})
			var large, small []*reader
			for range 10 * slice {
				r, client := h.join(t, h.entry, false)
				defer unix.Close(client)
				large = append(large, r)
			}
			two, room := h.open("two")
			for range 2 {
				r, client := h.join(t, two, false)
				defer unix.Close(client)
				small = append(small, r)
			}
			h.settle()
			written := func(readers []*reader, t *tail) (n int) {
				for _, r := range readers {
					if r.pos == t.end.Load() {
						n++
					}
				}
				return n
			}
			h.room.Receive(message(0, size))
			room.Receive(message(0, size))
			for turns := 0; written(small, room.tail) < 2; turns++ {
				if turns > 10 {
					t.Fatal("it never gets its turn")
				}
				h.advance()
			}
			if n := written(large, h.room.tail); n > slice || n*size > slice*dear {
				t.Errorf("it waited for %d readers of %d", n, len(large))
			}
			h.room.Receive(message(1, size)) // nor does a large room that goes on and on come first
			room.Receive(message(1, size))
			before := written(large, h.room.tail)
			h.advance()
			h.advance()
			if written(small, room.tail) < 2 || written(large, h.room.tail)-before > slice {
				t.Errorf("the second time it waited for %d", written(large, h.room.tail)-before)
			}
			h.settle()
			if n := written(large, h.room.tail); n != len(large) {
				t.Errorf("only %d of %d got it all", n, len(large))
			}
		})
	}
}

func TestLoop_ATailThatClosesHalfWayThroughAPassEndsEverybody(t *testing.T) {
	h := newHand(t, Options{})
	for range 2*slice + 1 {
		_, client := h.join(t, h.entry, false)
		defer unix.Close(client)
	}
	h.settle()
	h.room.Receive(message(0, 10))
	h.advance() // the first slice has been written to
	h.room.Replace()
	h.settle()
	if n := len(h.groups); n != 0 {
		t.Errorf("%d groups left", n)
	}
	for _, r := range h.table {
		if r != nil {
			t.Fatal("a reader is left")
		}
	}
}

func TestLoop_AReaderThatComesAfterAnAppendGetsIt(t *testing.T) {
	h := newHand(t, Options{})
	_, client := h.join(t, h.entry, false)
	defer unix.Close(client)
	h.room.Receive(message(0, 10)) // it is not in any group yet
	h.settle()
	if got, _ := drink(t, client, 1000); !bytes.Equal(got, AppendFrame(nil, message(0, 10))) {
		t.Errorf("got %q", got)
	}
}

func TestLoop_AnEventOfAnEarlierSocketWithTheSameNumberIsNotHeard(t *testing.T) {
	h := newHand(t, Options{})
	r, client := h.join(t, h.entry, false)
	h.settle()
	_ = unix.Close(client)
	events := make([]unix.EpollEvent, 8)
	n, err := h.poll(events)
	if n != 1 || err != nil {
		t.Fatalf("%d events, %v", n, err)
	}
	h.end(r, hangup) // for another reason
	again, client := h.join(t, h.entry, false)
	defer unix.Close(client)
	if again.fd != r.fd {
		// The client's end took the number: give it back and try once more.
		t.Skipf("descriptor %d was not used again, but %d", r.fd, again.fd)
	}
	h.adopt()
	h.handle(events[:n])
	if again.gone {
		t.Error("the new one was ended by the old one's event")
	}
}

func TestLoop_AFullSocketIsGivenTheWriteTimeout(t *testing.T) {
	h := newHand(t, Options{Heartbeat: time.Minute, WriteTimeout: 5 * time.Minute})
	r, client := h.join(t, h.entry, true)
	defer unix.Close(client)
	h.settle()
	begin := time.Now()
	for i := range 20 {
		h.room.Receive(message(int64(i), 1000))
	}
	h.settle()
	if !r.blocked {
		t.Fatal("it is not full")
	}
	for d := time.Duration(0); d < 5*time.Minute; d += time.Second {
		h.tick(begin.Add(d))
	}
	if r.gone {
		t.Fatal("ended before its time")
	}
	h.tick(begin.Add(5*time.Minute + 16*time.Second))
	if !r.gone {
		t.Error("goes on")
	}
}

func TestLoop_AFullSocketThatFellOffTheTailIsEnded(t *testing.T) {
	h := newHand(t, Options{TailSize: 16 << 10})
	r, client := h.join(t, h.entry, true)
	defer unix.Close(client)
	h.settle()
	for i := range 40 {
		h.room.Receive(message(int64(i), 1000))
	}
	h.settle()
	if !r.gone {
		t.Error("goes on")
	}
}

func TestLoop_PingsAreOneAHeartbeatOfSilence(t *testing.T) {
	h := newHand(t, Options{Heartbeat: time.Minute})
	var clients []int
	for range 50 {
		_, client := h.join(t, h.entry, false)
		defer unix.Close(client)
		clients = append(clients, client)
	}
	h.settle()
	begin := time.Now()
	for s := range 61 * 10 {
		h.tick(begin.Add(time.Duration(s) * time.Second))
	}
	for _, c := range clients {
		got, _ := drink(t, c, 1<<20)
		if n := bytes.Count(got, []byte("event: ping")); n < 8 || n > 10 {
			t.Errorf("%d pings in ten minutes", n)
		}
	}
	h.tick(begin.Add(5 * time.Hour)) // it stood still
	for _, c := range clients {
		if got, _ := drink(t, c, 1<<20); bytes.Count(got, []byte("event: ping")) != 1 {
			t.Errorf("after hours: %q", got)
		}
	}
}

func TestWheel_GoesOnWhenItsCountOverflows(t *testing.T) {
	w := newWheel(64 * time.Second)
	defer w.ticker.Stop()
	now := w.begun
	w.n, w.now = 1, 1<<32-20
	w.begun = now.Add(-(1<<32 - 20) * time.Second)
	w.put(new(reader), 30)
	looked := 0
	for range 100 {
		now = now.Add(time.Second)
		w.turn(now, func(*reader) uint32 { looked++; return 30 })
	}
	if looked != 3 || w.n != 1 {
		t.Errorf("looked %d times in 100 ticks, %d readers", looked, w.n)
	}
	w.turn(now.Add(-time.Hour), func(*reader) uint32 { t.Error("looked at an earlier time"); return 1 })
}

func TestDeparture_IsEvenAndOneAloneHasARandomMoment(t *testing.T) {
	table := make([]*reader, 101)
	for i := range 100 {
		table[i] = new(reader)
	}
	d := newDeparture(10*time.Second, table)
	defer d.stop()
	for s := range 10 {
		if n := d.leaving(d.begun.Add(time.Duration(s) * time.Second)); n < 10*s || n > 10*s+1 {
			t.Errorf("after %d s %d have left", s, n)
		}
	}
	d.add(new(reader))
	if n := d.leaving(d.begun.Add(10 * time.Second)); n != 101 {
		t.Errorf("in the end %d have left", n)
	}
	early := 0
	for range 200 {
		d := newDeparture(10*time.Second, table[:1])
		d.stop()
		early += d.leaving(d.begun.Add(5 * time.Second))
	}
	if early < 50 || early > 150 {
		t.Errorf("%d of 200 left in the first half", early)
	}
}

func TestQueue_IsInOrderAndEmptiesItself(t *testing.T) {
	var q queue
	var got string
	a, b := new(group), new(group)
	for range 3 {
		q.push(a)
		q.push(b)
		for g := q.pop(); g != nil; g = q.pop() {
			got += fmt.Sprint(g == a, " ")
		}
	}
	if got != "true false true false true false " || q.first != nil || q.last != nil || a.behind != nil {
		t.Errorf("got %s", got)
	}
}
