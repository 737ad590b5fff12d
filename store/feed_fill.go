package store

import (
	"context"
	"time"

	"causette/chat"
)

// maxFills is how many rooms' logs are read at the same time.
const maxFills = 16

// fill has a room's log read by one of at most maxFills goroutines.
func (s *session) fill(ctx context.Context, r *feedRoom, cause string) {
	s.f.s.metrics.fills.WithLabelValues(cause).Inc()
	s.fills.Lock()
	defer s.fills.Unlock()
	s.fills.queue = append(s.fills.queue, r)
	if s.fills.workers < maxFills {
		s.fills.workers++
		s.wg.Go(func() { s.fillAll(ctx) })
	}
}

// fillAll reads the logs of queued rooms until there are none.
func (s *session) fillAll(ctx context.Context) {
	for {
		s.fills.Lock()
		if len(s.fills.queue) == 0 || ctx.Err() != nil {
			s.fills.workers--
			s.fills.Unlock()
			return
		}
		r := s.fills.queue[0]
		s.fills.queue = s.fills.queue[1:]
		s.fills.Unlock()
		s.fillOne(ctx, r)
	}
}

// fillOne reads a room's log until the room is live, unfollowed, or the session ends.
func (s *session) fillOne(ctx context.Context, r *feedRoom) {
	backoff := minBackoff
	for ctx.Err() == nil {
		after, fresh, ok := r.wanted()
		if !ok {
			return
		}
		done, err := s.readInto(ctx, r, after, fresh)
		if done {
			if r.recall() {
				s.f.s.presence.refresh(r.room)
			}
			s.f.recovered(r)
			return
		}
		if err == nil {
			continue
		}
		s.f.s.o.Log.Warn("log not read", "room", r.room, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(backoff):
			backoff = min(2*backoff, maxBackoff)
		}
	}
}

// readInto reads what a room wants, once. It reports whether the room is live.
func (s *session) readInto(ctx context.Context, r *feedRoom, after chat.EventID, fresh bool) (done bool, err error) {
	if !fresh {
		page, err := s.f.s.After(ctx, r.room, after, MaxPage)
		if err == nil && page.Gap {
			s.f.s.o.Log.Warn("log went back, or on without us: its readers begin anew", "room", r.room, "at", after, "log", page.Head)
			if _, err := s.f.s.tear(ctx, r.room, after); err != nil {
				return false, err
			}
		}
		return err == nil && r.filled(page), err
	}
	events, head, err := s.newest(ctx, r.room, r.load)
	return err == nil && r.loaded(events, head), err
}

// newest reads a room's newest n events, page by page from the end.
func (s *session) newest(ctx context.Context, room chat.RoomID, n int) (events []chat.Event, head chat.EventID, err error) {
	page, err := s.f.s.Before(ctx, room, chat.EventID{}, n)
	events, head = page.Events, page.Head
	for err == nil && page.More && len(events) < n {
		page, err = s.f.s.Before(ctx, room, events[0].ID, n-len(events))
		if page.Gap || len(page.Events) == 0 {
			break // trimmed, or a new log: what there is, is the end of the one that head is of
		}
		events = append(page.Events, events...)
	}
	return events, head, err
}
