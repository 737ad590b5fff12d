package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

// link keeps some of the feed's rooms subscribed at one place, session after session.
// It outlives the sessions, and the rooms outlive it: they may move to another.
type link struct {
	// Static after construction.
	f      *feed
	client redis.UniversalClient // a Cluster's, for the control channel; else of one node
	node   string                // the master's address; "" of the control channel's link

	wake  chan struct{} // changed is not empty
	ended chan struct{} // closed with the last room gone, but for the control channel's link

	// Guarded by feed.mu.
	rooms   map[chat.RoomID]*feedRoom
	changed map[chat.RoomID]struct{} // came or went since the session's writer looked
	session *session                 // the one that is connected, or nil
	err     error                    // why none is; nil before the first try

	fills fills
}

func newLink(f *feed, client redis.UniversalClient, node string) *link {
	return &link{
		f: f, client: client, node: node,
		wake: make(chan struct{}, 1), ended: make(chan struct{}),
		rooms:   make(map[chat.RoomID]*feedRoom),
		changed: make(map[chat.RoomID]struct{}),
		fills:   newFills(f),
	}
}

// down is why the link is known not to be connected. The caller holds feed.mu.
func (l *link) down() error {
	if l.session != nil {
		return nil
	}
	return l.err
}

// add takes a room. The caller holds feed.mu.
func (l *link) add(r *feedRoom) {
	r.link = l
	l.rooms[r.room] = r
	l.touch(r.room)
}

// remove lets a room go; a master's link without any ends. The caller holds feed.mu.
func (l *link) remove(r *feedRoom) {
	r.link = nil
	delete(l.rooms, r.room)
	l.touch(r.room)
	if len(l.rooms) == 0 && l != l.f.control {
		delete(l.f.links, l.client.(*redis.Client))
		close(l.ended)
	}
}

// touch has the writer look at a room. The caller holds feed.mu.
func (l *link) touch(room chat.RoomID) {
	l.changed[room] = struct{}{}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run keeps one session connected until ctx, or the link, ends.
func (l *link) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { l.fills.run(ctx, l.ended) })
	backoff := minBackoff
	for {
		session := newSession(l)
		err := session.run(ctx)
		if session.connected {
			backoff = minBackoff
		}
		if l.over(ctx) {
			return
		}
		l.lost(err)
		l.f.s.reroute(ctx)
		select {
		case <-ctx.Done():
		case <-l.ended:
		case <-time.After(backoff/2 + rand.N(backoff/2)):
		}
		if l.over(ctx) {
			return
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

func (l *link) over(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	case <-l.ended:
		return true
	default:
		return false
	}
}

// connect makes a session whose connection stands the current one: every room is
// to be subscribed again, and those that have readers are to be caught up.
func (l *link) connect(s *session) {
	f := l.f
	f.s.metrics.reconnects.Inc()
	f.mu.Lock()
	defer f.mu.Unlock()
	l.session, l.err = s, nil
	s.connected = true
	for room := range l.rooms {
		l.touch(room)
	}
	f.s.o.Log.Debug("feed connected", "node", l.node, "rooms", len(l.rooms))
}

// serves reports whether a room is one of those whose fate the link's connection tells:
// all, or those of its master.
func (l *link) serves(ctx context.Context, room chat.RoomID) bool {
	if l == l.f.control {
		return true
	}
	master, err := l.f.s.master(ctx, room)
	return err == nil && master == l.client
}

// lost tells every room that the connection is gone.
func (l *link) lost(err error) {
	f := l.f
	f.mu.Lock()
	had := l.session != nil
	l.session, l.err = nil, err
	var left []*feedRoom
	for _, r := range l.rooms {
		if r.lost(fmt.Errorf("%w: %w", chat.ErrUnavailable, err)) {
			left = append(left, r)
		} else {
			f.drop(r)
		}
	}
	if f.s.cluster != nil {
		for _, r := range left {
			f.displace(r)
		}
	}
	f.mu.Unlock()
	for _, r := range left {
		r.down()
	}
	if had {
		f.s.o.Log.Warn("feed connection lost", "node", l.node, "error", err, "rooms", len(left))
	}
}
