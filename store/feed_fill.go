package store

import (
	"context"
	"sync"
	"time"

	"causette/chat"
)

// maxFills is how many rooms' logs are read at the same time, of those on one link: a
// master that does not answer keeps nobody else's from being read.
const maxFills = 16

// fillBytes is how many bytes are read at once for a room that missed something.
const fillBytes = 256 << 10

// shortEvent is the bytes of an event as most are. A room is opened with no more bytes
// than its newest events take if they are short: one of long messages with fewer of them.
const shortEvent = 320

// fills are the rooms of a link whose logs are to be read. A room that moves to another
// link meanwhile stays here until it is live.
type fills struct {
	// Static after construction.
	f    *feed
	wake chan struct{} // queue is not empty

	queue []*feedRoom // guarded by feed.mu; at most one entry a room: it is busy
}

func newFills(f *feed) fills { return fills{f: f, wake: make(chan struct{}, 1)} }

// begin catches a room up that is subscribed from now on. The caller holds mu: so the
// room is not moved to another link meanwhile.
func (f *feed) begin(r *feedRoom) {
	delete(f.unrouted, r.room)
	if r.begin() {
		f.s.presence.refresh(r.room)
		f.enqueue(r, "subscribed")
	}
}

// fill has a room's log read, whatever link it is on by now.
func (f *feed) fill(r *feedRoom, cause string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.enqueue(r, cause)
}

// enqueue is fill. The caller holds mu.
func (f *feed) enqueue(r *feedRoom, cause string) {
	f.s.metrics.fills.WithLabelValues(cause).Inc()
	if r.link == nil {
		return // unfollowed
	}
	q := &r.link.fills
	q.queue = append(q.queue, r)
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// run reads the logs of queued rooms until ctx ends, or ended is closed and none is left.
func (q *fills) run(ctx context.Context, ended <-chan struct{}) {
	var workers sync.WaitGroup
	defer workers.Wait()
	slots := make(chan struct{}, maxFills)
	for over := false; !over; {
		select {
		case <-ctx.Done():
			return
		case <-ended:
			over = true
		case <-q.wake:
		}
		for _, r := range q.take() {
			select {
			case <-ctx.Done():
				return
			case slots <- struct{}{}:
			}
			workers.Go(func() { q.f.fillOne(ctx, r); <-slots })
		}
	}
}

func (q *fills) take() []*feedRoom {
	q.f.mu.Lock()
	defer q.f.mu.Unlock()
	rooms := q.queue
	q.queue = nil
	return rooms
}

// fillOne reads a room's log until the room is live, unfollowed, or not subscribed any more.
func (f *feed) fillOne(ctx context.Context, r *feedRoom) {
	backoff := minBackoff
	for ctx.Err() == nil {
		after, fresh, ok := r.wanted()
		if !ok {
			return
		}
		done, err := f.readInto(ctx, r, after, fresh)
		if done {
			if r.recall() {
				f.s.presence.refresh(r.room)
			}
			return
		}
		if err == nil {
			continue
		}
		f.s.o.Log.Warn("log not read", "room", r.room, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(backoff):
			backoff = min(2*backoff, maxBackoff)
		}
	}
}

// readInto reads what a room wants, once. It reports whether the room is live.
func (f *feed) readInto(ctx context.Context, r *feedRoom, after chat.EventID, fresh bool) (done bool, err error) {
	if !fresh {
		page, err := f.s.AfterWithin(ctx, r.room, after, MaxPage, fillBytes)
		if err == nil && page.Gap {
			f.s.o.Log.Warn("log went back, or on without us: its readers begin anew", "room", r.room, "at", after, "log", page.Head)
			if _, err := f.s.tear(ctx, r.room, after); err != nil {
				return false, err
			}
		}
		return err == nil && r.filled(page), err
	}
	events, head, err := f.newest(ctx, r.room, r.load)
	return err == nil && r.loaded(events, head), err
}

// newest reads a room's newest n events, page by page from the end, or those that fit
// in the bytes of n short ones; one at least.
func (f *feed) newest(ctx context.Context, room chat.RoomID, n int) (events []chat.Event, head chat.EventID, err error) {
	bytes := n * shortEvent
	page, err := f.s.page(ctx, "before", room, chat.EventID{}, n, bytes)
	events, head = page.Events, page.Head
	for err == nil && page.More && len(page.Events) < n {
		if len(page.Events) < MaxPage {
			break // no more fit
		}
		n, bytes = n-len(page.Events), max(1, bytes-sizeOf(page.Events))
		page, err = f.s.page(ctx, "before", room, events[0].ID, n, bytes)
		if page.Gap || len(page.Events) == 0 {
			break // trimmed, or a new log: what there is, is the end of the one that head is of
		}
		events = append(page.Events, events...)
	}
	return events, head, err
}

// sizeOf is the bytes of events.
func sizeOf(events []chat.Event) (n int) {
	for _, e := range events {
		n += len(e.Data)
	}
	return n
}
