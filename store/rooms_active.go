package store

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

const (
	// recordEvery is the time between two updates of the list of rooms.
	recordEvery = time.Second
	// maxNoted is how many addresses of a second are told apart, in all rooms together.
	maxNoted = 50_000
)

// activeRooms gathers which rooms saw something happen, so that the list of
// rooms, which is in another slot than they are, is written once a second
// instead of once a message.
type activeRooms struct {
	mu    sync.Mutex
	last  activity                 // guarded by mu
	noted int                      // guarded by mu: addresses in it
	ended map[chat.RoomID]struct{} // guarded by mu; at most maxRooms: see end
}

// activity is what happened in the rooms within a second.
type activity struct {
	said map[chat.RoomID]time.Time // at most maxRooms
	came map[chat.RoomID]time.Time // at most maxRooms; somebody came, and perhaps nothing was said
	// from is where those were who came or spoke, in rooms that said or came has: at most
	// maxNoted addresses, those of different rooms counted each.
	from map[chat.RoomID]addresses
}

type addresses map[string]struct{}

func newActivity() activity {
	return activity{
		said: make(map[chat.RoomID]time.Time), came: make(map[chat.RoomID]time.Time), from: make(map[chat.RoomID]addresses),
	}
}

func newActiveRooms() *activeRooms {
	return &activeRooms{last: newActivity(), ended: make(map[chat.RoomID]struct{})}
}

// touch notes that something was said in a room, from an address.
func (a *activeRooms) touch(room chat.RoomID, at time.Time, address string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.noteLocked(a.last.said, room, at, address)
}

// arrive notes that somebody came to a room, from an address.
func (a *activeRooms) arrive(room chat.RoomID, at time.Time, address string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.noteLocked(a.last.came, room, at, address)
}

func (a *activeRooms) noteLocked(rooms map[chat.RoomID]time.Time, room chat.RoomID, at time.Time, address string) {
	last, known := rooms[room]
	if !known && len(rooms) >= maxRooms {
		return
	}
	if at.After(last) {
		rooms[room] = at
	}
	from := a.last.from[room]
	if _, known := from[address]; known || a.noted == maxNoted {
		return
	}
	if from == nil {
		from = make(addresses)
		a.last.from[room] = from
	}
	from[address] = struct{}{}
	a.noted++
}

// take takes what happened since it was last taken.
func (a *activeRooms) take() activity {
	a.mu.Lock()
	defer a.mu.Unlock()
	last := a.last
	a.last, a.noted = newActivity(), 0
	return last
}

// recordActiveRooms writes the gathered rooms once a second, and a last time
// when ctx has ended.
func (s *Store) recordActiveRooms(ctx context.Context) error {
	tick := time.NewTicker(recordEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			// The last second's rooms are worth a moment of the shutdown.
			s.record(context.WithoutCancel(ctx), s.active.take())
			return nil
		case <-tick.C:
			s.record(ctx, s.active.take())
			s.forgetRooms(ctx, s.active.takeEnded())
		}
	}
}

func (s *Store) record(ctx context.Context, last activity) {
	s.writeRooms(ctx, last.said, last.came)
	s.rankRooms(ctx, last)
}

// writeRooms puts rooms into the list.
func (s *Store) writeRooms(ctx context.Context, said, came map[chat.RoomID]time.Time) {
	if len(said)+len(came) == 0 || s.Ready() != nil {
		return
	}
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	err := s.addRooms(call, s.keys.rooms(), members(said), members(came), redis.ZAddArgs{GT: true})
	if err != nil && ctx.Err() == nil {
		s.o.Log.Warn("list of rooms not written", "error", err)
	}
}

// addRooms puts rooms into a list, how says in which way. A room where nothing was said has
// a place in the list's first half only: readers alone push nobody out.
func (s *Store) addRooms(ctx context.Context, list string, said, came []redis.Z, how redis.ZAddArgs) error {
	listed, err := s.client.ZCard(ctx, list).Result()
	if err != nil {
		return err
	}
	pipe := s.client.Pipeline()
	for how.Members = range slices.Chunk(said, 500) {
		pipe.ZAddArgs(ctx, list, how)
	}
	how.XX = true
	for how.Members = range slices.Chunk(came, 500) {
		pipe.ZAddArgs(ctx, list, how)
	}
	for chunk := range slices.Chunk(came[:min(len(came), max(0, maxRooms/2-int(listed)))], 500) {
		pipe.ZAddNX(ctx, list, chunk...)
	}
	pipe.ZRemRangeByRank(ctx, list, 0, -maxRooms-1)
	_, err = pipe.Exec(ctx)
	return err
}

// members are rooms as the list has them, oldest first.
func members(rooms map[chat.RoomID]time.Time) []redis.Z {
	list := make([]redis.Z, 0, len(rooms))
	for room, at := range rooms {
		list = append(list, redis.Z{Score: float64(at.UnixMilli()), Member: string(room)})
	}
	slices.SortFunc(list, func(a, b redis.Z) int { return cmp.Compare(a.Score, b.Score) })
	return list
}
