package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

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

// feed hands every followed room's events to its sink. Each room is on a [link],
// which is a pub/sub connection at a time. Of a Cluster that is a link for each
// master, see feed_route.go; else the control channel's is the only one.
type feed struct {
	// Static after construction.
	s       *Store
	control *link // has the control channel; never ends

	// wake tells route that unrouted is not empty.
	wake chan struct{}

	mu    sync.Mutex
	rooms map[chat.RoomID]*feedRoom // guarded by mu
	ended error                     // guarded by mu: why Run returned
	// unrouted are the rooms of a Cluster that are subscribed nowhere, and since when.
	unrouted map[chat.RoomID]time.Time // guarded by mu
	// links are those to the masters of a Cluster, while they have rooms.
	links map[*redis.Client]*link // guarded by mu
}

func newFeed(s *Store) *feed {
	f := &feed{
		s: s, wake: make(chan struct{}, 1),
		rooms:    make(map[chat.RoomID]*feedRoom),
		unrouted: make(map[chat.RoomID]time.Time),
		links:    make(map[*redis.Client]*link),
	}
	f.control = newLink(f, s.client, "")
	return f
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
	}
}

func (f *feed) add(r *feedRoom) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.ended
	if f.s.cluster == nil {
		err = or(err, f.control.down())
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", chat.ErrUnavailable, err)
	case f.rooms[r.room] != nil:
		return errors.New("followed already")
	}
	f.rooms[r.room] = r
	f.s.presence.follow(r) // before it can be subscribed, which presence is to know of
	if f.s.cluster == nil {
		f.control.add(r)
	} else {
		f.displace(r)
	}
	return nil
}

func (f *feed) remove(r *feedRoom) {
	r.close()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(r)
}

// drop forgets a room. The caller holds mu.
func (f *feed) drop(r *feedRoom) {
	if f.rooms[r.room] != r {
		return
	}
	delete(f.rooms, r.room)
	f.s.presence.unfollow(r.room)
	delete(f.unrouted, r.room)
	if r.link != nil {
		r.link.remove(r)
	}
}

// run keeps all links connected until ctx ends.
func (f *feed) run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { f.control.run(ctx) })
	if f.s.cluster != nil {
		wg.Go(func() { f.route(ctx) })
	}
	wg.Wait()
	f.stop(ctx.Err())
	return nil
}

// stop lets go of those who still wait for their room to open. The others are
// told nothing: it is this instance that stops, not Redis.
func (f *feed) stop(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = err
	for _, r := range f.rooms {
		r.lost(fmt.Errorf("%w: %w", chat.ErrUnavailable, err))
	}
}
