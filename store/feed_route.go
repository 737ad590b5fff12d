package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

// master is the client of the node that a room's slot belongs to, as far as the Cluster's
// client knows. It asks the Cluster only the first time.
func (s *Store) master(ctx context.Context, room chat.RoomID) (*redis.Client, error) {
	return s.cluster.MasterForKey(ctx, s.keys.channel(room))
}

// route keeps every room on the link of the master that its slot belongs to, until ctx
// ends. A room that is subscribed nowhere is tried again and again: its slot moved, its
// master died, or the Cluster has no master for it. The others are looked at now and then,
// since a master that is cut off from the Cluster does not say that it is none any more.
func (f *feed) route(ctx context.Context) {
	var links sync.WaitGroup
	defer links.Wait()
	check := time.NewTicker(f.s.o.PingEvery / 4)
	defer check.Stop()
	backoff := minBackoff
	for {
		var retry <-chan time.Time
		if len(f.unroutedRooms()) > 0 {
			retry = time.After(backoff)
		}
		var rooms []chat.RoomID
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
			backoff = minBackoff
			rooms = f.unroutedRooms()
		case <-retry:
			backoff = min(2*backoff, maxBackoff)
			rooms = f.unroutedRooms()
		case <-check.C:
			rooms = f.allRooms()
		}
		f.routeRooms(ctx, rooms, &links)
		f.tellUnrouted()
	}
}

func (f *feed) unroutedRooms() []chat.RoomID {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Keys(f.unrouted))
}

func (f *feed) allRooms() []chat.RoomID {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Keys(f.rooms))
}

// unroute notes that a room is subscribed nowhere. The caller holds mu.
func (f *feed) unroute(r *feedRoom) {
	if _, known := f.unrouted[r.room]; !known {
		f.unrouted[r.room] = time.Now()
	}
}

// displace is unroute, and has route see to it at once. The caller holds mu.
func (f *feed) displace(r *feedRoom) {
	f.unroute(r)
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// routeRooms puts each room on the link of its master. links has the goroutines of new ones.
func (f *feed) routeRooms(ctx context.Context, rooms []chat.RoomID, links *sync.WaitGroup) {
	call, cancel := context.WithTimeout(ctx, f.s.o.Timeout)
	defer cancel()
	for _, room := range rooms {
		master, err := f.s.master(call, room)
		if ctx.Err() != nil {
			return
		}
		f.mu.Lock()
		switch r := f.rooms[room]; {
		case r == nil:
		case err != nil:
			f.unroutable(r, err)
		default:
			if l := f.place(r, master); l != nil {
				links.Go(func() { l.run(ctx) })
			}
		}
		f.mu.Unlock()
	}
}

// unroutable says that nobody knows the master of a room. The caller holds mu.
func (f *feed) unroutable(r *feedRoom, err error) {
	if r.link == nil && !r.lost(fmt.Errorf("%w: %w", chat.ErrUnavailable, err)) {
		f.drop(r)
	}
}

// place puts a room on the link of its master, and has it subscribed there if it is
// not. It returns the link if it is a new one, to be run. The caller holds mu.
func (f *feed) place(r *feedRoom, master *redis.Client) (fresh *link) {
	l := f.links[master]
	if l == nil {
		l = newLink(f, master, master.Options().Addr)
		f.links[master], fresh = l, l
	}
	_, unrouted := f.unrouted[r.room]
	switch {
	case r.link != l:
		if r.link != nil {
			f.s.o.Log.Debug("room has another master", "room", r.room)
			r.link.remove(r)
			r.suspend()
		}
		f.unroute(r)
		l.add(r)
	case unrouted:
		l.touch(r.room)
	}
	// Who opens a room is not kept waiting for a master that is away.
	if err := l.down(); err != nil && !r.isOpen() {
		r.lost(fmt.Errorf("%w: %w", chat.ErrUnavailable, err))
		f.drop(r)
	}
	return fresh
}

// tellUnrouted tells the rooms that have been subscribed nowhere for so long that it
// is no mere moving of a slot.
func (f *feed) tellUnrouted() {
	f.mu.Lock()
	var late []*feedRoom
	for room, since := range f.unrouted {
		if time.Since(since) > maxBackoff {
			late = append(late, f.rooms[room])
		}
	}
	f.mu.Unlock()
	for _, r := range late {
		r.down()
	}
}
