package sse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"causette/chat"
)

// fakeLog is a store of rooms in memory that keeps the contract of source, with
// one epoch for all rooms.
type fakeLog struct {
	mu       sync.Mutex
	rooms    map[chat.RoomID]*fakeRoom
	epoch    int64
	down     bool // every question fails
	broken   error
	follows  int
	afters   int
	unfollow func(chat.RoomID) // called without mu
	answered func()            // called without mu, before an answer of After arrives; once
}

type fakeRoom struct {
	events []chat.Event // what the log keeps
	next   int64
	sink   chat.Sink
	lag    []chat.Event // not yet handed to the sink
	hold   bool         // hand nothing on
}

func newFakeLog() *fakeLog {
	return &fakeLog{rooms: make(map[chat.RoomID]*fakeRoom), epoch: 1000}
}

func (l *fakeLog) room(id chat.RoomID) *fakeRoom {
	if l.rooms[id] == nil {
		l.rooms[id] = new(fakeRoom)
	}
	return l.rooms[id]
}

func (l *fakeLog) Follow(ctx context.Context, id chat.RoomID, load int, sink chat.Sink) (chat.EventID, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.follows++
	r := l.room(id)
	if r.sink != nil {
		return chat.EventID{}, errors.New("followed twice")
	}
	newest := r.events[max(0, len(r.events)-load):]
	if l.down {
		for _, e := range newest[:len(newest)/2] { // fails half way
			sink.Receive(e)
		}
		return chat.EventID{}, fmt.Errorf("follow: %w", chat.ErrUnavailable)
	}
	for _, e := range newest {
		sink.Receive(e)
	}
	r.sink = sink
	return r.head(l.epoch), ctx.Err()
}

func (l *fakeLog) Unfollow(id chat.RoomID) {
	if l.unfollow != nil {
		l.unfollow(id)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.room(id)
	r.sink, r.lag = nil, nil
}

func (r *fakeRoom) head(epoch int64) chat.EventID {
	if r.next == 0 {
		return chat.EventID{}
	}
	return chat.EventID{Epoch: epoch, Seq: r.next - 1}
}

func (l *fakeLog) AfterWithin(ctx context.Context, id chat.RoomID, after chat.EventID, limit, bytes int) (chat.Page, error) {
	defer func() {
		if f := l.answered; f != nil {
			l.answered = nil
			f()
		}
	}()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.afters++
	switch {
	case l.down:
		return chat.Page{}, fmt.Errorf("after: %w", chat.ErrUnavailable)
	case l.broken != nil:
		return chat.Page{}, l.broken
	}
	r := l.room(id)
	p := chat.Page{Head: r.head(l.epoch)}
	first := slices.IndexFunc(r.events, func(e chat.Event) bool { return after.Precedes(e.ID) })
	switch {
	case after == p.Head:
		return p, nil
	case first < 0:
		p.Gap = true
		return p, nil
	}
	last, size := first, 0
	for ; last < min(first+limit, len(r.events)); last++ {
		if size += len(r.events[last].Data); bytes > 0 && size > bytes && last > first {
			break
		}
	}
	p.Events, p.More = slices.Clone(r.events[first:last]), last < len(r.events)
	return p, nil
}

// knows reports whether the log can tell what follows the event with this id, and
// which its newest is.
func (l *fakeLog) knows(room chat.RoomID, id string) (head chat.EventID, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.room(room)
	at, err := chat.ParseEventID(id)
	head = r.head(l.epoch)
	return head, err == nil && (at == head || slices.ContainsFunc(r.events, func(e chat.Event) bool { return at.Precedes(e.ID) }))
}

// say appends n messages and hands them on. It returns their ids.
func (l *fakeLog) say(id chat.RoomID, n int) (ids []string) { return l.sayMore(id, n, "") }

// sayMore says n messages with more at their ends.
func (l *fakeLog) sayMore(id chat.RoomID, n int, more string) (ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.room(id)
	for range n {
		e := chat.Event{ID: chat.EventID{Epoch: l.epoch, Seq: r.next}, Kind: chat.KindMessage}
		e.Data = fmt.Appendf(nil, `{"at":%q,"text":"message %d%s"}`, time.Now().UTC().Format(time.RFC3339Nano), r.next, more)
		r.next++
		r.events = append(r.events, e)
		ids = append(ids, e.ID.String())
		r.hand(e)
	}
	return ids
}

func (r *fakeRoom) hand(e chat.Event) {
	switch {
	case r.sink == nil: // nobody is subscribed
	case r.hold:
		r.lag = append(r.lag, e)
	default:
		r.sink.Receive(e)
	}
}

// live hands on an event that is not in the log.
func (l *fakeLog) live(id chat.RoomID, kind chat.Kind, data string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.room(id).hand(chat.Event{Kind: kind, Data: []byte(data)})
}

// hold keeps what comes from the room's sink until release.
func (l *fakeLog) hold(id chat.RoomID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.room(id).hold = true
}

func (l *fakeLog) release(id chat.RoomID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.room(id)
	r.hold = false
	for _, e := range r.lag {
		r.hand(e)
	}
	r.lag = nil
}

// trim keeps the newest n messages.
func (l *fakeLog) trim(id chat.RoomID, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.room(id)
	r.events = r.events[len(r.events)-n:]
}

// lose empties every log and begins another epoch, as a Redis without its data.
func (l *fakeLog) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch += 1000
	for _, r := range l.rooms {
		r.events, r.next = nil, 0
		if r.sink != nil {
			r.sink.Replace()
		}
	}
}

// setDown makes Redis unreachable, or reachable again.
func (l *fakeLog) setDown(down bool) {
	l.mu.Lock()
	l.down = down
	ids := slices.Collect(maps.Keys(l.rooms))
	l.mu.Unlock()
	data := `{"redis":"up"}`
	if down {
		data = `{"redis":"down"}`
	}
	for _, id := range ids {
		l.live(id, chat.KindStatus, data)
	}
}

// count reads one of the counters.
func (l *fakeLog) count(n *int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return *n
}
