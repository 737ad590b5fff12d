package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"causette/chat"
)

const (
	minBackoff = 50 * time.Millisecond
	maxBackoff = time.Second
)

var (
	statusDown = chat.Event{Kind: chat.KindStatus, Data: []byte(`{"redis":"down"}`)}
	statusUp   = chat.Event{Kind: chat.KindStatus, Data: []byte(`{"redis":"up"}`)}
)

// feed hands every followed room's events to its sink. It has one pub/sub
// connection at a time, a [session]; the rooms outlive it.
type feed struct {
	s *Store // static after construction

	// wake tells the session's writer that changed is not empty.
	wake chan struct{}

	mu      sync.Mutex
	rooms   map[chat.RoomID]*feedRoom // guarded by mu
	changed map[chat.RoomID]struct{}  // guarded by mu: followed or unfollowed since the writer looked
	session *session                  // guarded by mu: the one that is connected, or nil
	err     error                     // guarded by mu: why none is; nil before the first try
}

func newFeed(s *Store) *feed {
	return &feed{
		s: s, wake: make(chan struct{}, 1),
		rooms:   make(map[chat.RoomID]*feedRoom),
		changed: make(map[chat.RoomID]struct{}),
	}
}

// Follow hands the newest load events of a room to sink, oldest first, and then
// everything that happens there, until Unfollow: durable events without hole or
// double, live-only ones as they come, [chat.KindStatus] when Redis goes away and
// is back. It returns the id of the newest event that sink was given (or would
// have been, with a larger load), 0-0 for an empty log.
//
// It is [chat.ErrUnavailable] while Redis is away; the room is then not followed.
func (s *Store) Follow(ctx context.Context, room chat.RoomID, load int, sink chat.Sink) (chat.EventID, error) {
	r := newFeedRoom(room, load, s.o.HistoryTTL, sink)
	if err := s.feed.add(r); err != nil {
		return chat.EventID{}, fmt.Errorf("follow %s: %w", room, err)
	}
	s.presence.follow(room)
	// A connection that dies ends the wait at once. The timeout is for a Redis
	// that lives and does not answer.
	timeout := time.NewTimer(5 * s.o.Timeout)
	defer timeout.Stop()
	var err error
	select {
	case <-r.opened:
		err = r.openErr
	case <-ctx.Done():
		err = s.failed(ctx, "wait", context.Cause(ctx))
	case <-timeout.C:
		err = fmt.Errorf("%w: no answer to the subscription", chat.ErrUnavailable)
	}
	if err != nil {
		s.feed.remove(r)
		s.presence.unfollow(room)
		return chat.EventID{}, fmt.Errorf("follow %s: %w", room, err)
	}
	return r.position(), nil
}

// Unfollow ends what Follow began: no call of the sink begins after it returned.
func (s *Store) Unfollow(room chat.RoomID) {
	s.feed.mu.Lock()
	r := s.feed.rooms[room]
	s.feed.mu.Unlock()
	if r != nil {
		s.feed.remove(r)
		s.presence.unfollow(room)
	}
}

func (f *feed) add(r *feedRoom) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.session == nil && f.err != nil {
		return fmt.Errorf("%w: %w", chat.ErrUnavailable, f.err)
	}
	if f.rooms[r.room] != nil {
		return errors.New("followed already")
	}
	f.rooms[r.room] = r
	f.touch(r.room)
	return nil
}

func (f *feed) remove(r *feedRoom) {
	r.close()
	f.mu.Lock()
	if f.rooms[r.room] == r {
		delete(f.rooms, r.room)
		f.touch(r.room)
	}
	f.mu.Unlock()
	f.recovered(r)
}

// touch has the writer look at a room. The caller holds mu.
func (f *feed) touch(room chat.RoomID) {
	f.changed[room] = struct{}{}
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// run keeps one session connected until ctx ends.
func (f *feed) run(ctx context.Context) error {
	backoff := minBackoff
	for {
		session := newSession(f)
		err := session.run(ctx)
		if session.connected {
			backoff = minBackoff
		}
		if ctx.Err() != nil {
			f.stop(ctx.Err())
			return nil
		}
		f.lost(err)
		f.s.reroute(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(backoff/2 + rand.N(backoff/2)):
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

// connect makes a session whose connection stands the current one: every room is
// to be subscribed again, and those that have readers are to be caught up.
func (f *feed) connect(s *session) {
	f.s.metrics.reconnects.Inc()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.session, f.err = s, nil
	s.connected = true
	for room, r := range f.rooms {
		s.recovering[r] = struct{}{}
		f.touch(room)
	}
	f.s.o.Log.Debug("feed connected", "rooms", len(f.rooms))
}

// lost tells every room that the connection is gone.
func (f *feed) lost(err error) {
	f.mu.Lock()
	had := f.session != nil
	f.session, f.err = nil, err
	var left []*feedRoom
	for room, r := range f.rooms {
		if r.lost(fmt.Errorf("%w: %w", chat.ErrUnavailable, err)) {
			left = append(left, r)
		} else {
			delete(f.rooms, room)
		}
	}
	f.mu.Unlock()
	for _, r := range left {
		r.status(statusDown, true)
	}
	if had {
		f.s.o.Log.Warn("feed connection lost", "error", err, "rooms", len(left))
	}
}

// stop lets go of those who still wait for their room to open. The others are
// told nothing: it is this instance that stops, not Redis.
func (f *feed) stop(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.session, f.err = nil, err
	for _, r := range f.rooms {
		r.lost(fmt.Errorf("%w: %w", chat.ErrUnavailable, err))
	}
}

// recovered says that a room has caught up, or is gone. After the last one that
// the session began with, the rooms are told that all is well again.
func (f *feed) recovered(r *feedRoom) {
	f.mu.Lock()
	s := f.session
	if s == nil {
		f.mu.Unlock()
		return
	}
	delete(s.recovering, r)
	var tell []*feedRoom
	if len(s.recovering) == 0 && !s.told {
		s.told = true
		for _, r := range f.rooms {
			tell = append(tell, r)
		}
	}
	f.mu.Unlock()
	for _, r := range tell {
		r.status(statusUp, false)
	}
}
