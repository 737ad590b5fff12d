package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

const (
	// maxRooms is how many rooms the list of rooms keeps, and how many a list of
	// those touched within a second holds.
	maxRooms = 10_000
	// recordEvery is the time between two updates of the list of rooms.
	recordEvery = time.Second
)

// RoomInfo is one entry of the list of rooms.
type RoomInfo struct {
	Room         chat.RoomID
	Participants int
	// LastID is the id of the newest message, zero if there is none.
	LastID chat.EventID
	// At is the time of the last message or the last arrival.
	At time.Time
}

// Rooms lists up to limit rooms, those with the latest activity first.
func (s *Store) Rooms(ctx context.Context, limit int) ([]RoomInfo, error) {
	if limit = min(limit, maxRooms); limit <= 0 {
		return nil, nil
	}
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	found, err := s.client.ZRevRangeWithScores(call, s.keys.rooms(), 0, int64(limit)-1).Result()
	if err != nil || len(found) == 0 {
		return nil, s.failed(ctx, "list rooms", err)
	}
	type asked struct {
		people *redis.IntCmd
		head   *redis.SliceCmd
	}
	pipe := s.client.Pipeline()
	ask := make([]asked, len(found))
	for i, z := range found {
		room := chat.RoomID(fmt.Sprint(z.Member))
		ask[i] = asked{pipe.HLen(call, s.keys.roster(room)), pipe.HMGet(call, s.keys.head(room), "epoch", "next")}
	}
	if _, err := pipe.Exec(call); err != nil {
		return nil, s.failed(ctx, "list rooms", err)
	}
	infos := make([]RoomInfo, 0, len(found))
	for i, z := range found {
		info := RoomInfo{
			Room:         chat.RoomID(fmt.Sprint(z.Member)),
			Participants: int(ask[i].people.Val()),
			LastID:       lastID(ask[i].head.Val()),
			At:           time.UnixMilli(int64(z.Score)).UTC(),
		}
		// A room whose log went away and that nobody reads is no more.
		if info.Participants > 0 || !info.LastID.IsZero() {
			infos = append(infos, info)
		} else {
			s.active.end(info.Room)
		}
	}
	return infos, nil
}

// lastID makes of a head's epoch and next the id of the newest event.
func lastID(head []any) chat.EventID {
	if len(head) != 2 || head[0] == nil || head[1] == nil {
		return chat.EventID{}
	}
	id, err := chat.ParseEventID(fmt.Sprintf("%v-%v", head[0], head[1]))
	if err != nil {
		return chat.EventID{}
	}
	return id.Back(1)
}

// activeRooms gathers which rooms saw something happen, so that the list of
// rooms, which is in another slot than they are, is written once a second
// instead of once a message.
type activeRooms struct {
	mu    sync.Mutex
	since map[chat.RoomID]time.Time // guarded by mu; at most maxRooms
	came  map[chat.RoomID]time.Time // guarded by mu; at most maxRooms: somebody came, and perhaps nothing was said
	ended map[chat.RoomID]struct{}  // guarded by mu; at most maxRooms: see end
}

func newActiveRooms() *activeRooms {
	return &activeRooms{since: make(map[chat.RoomID]time.Time), came: make(map[chat.RoomID]time.Time), ended: make(map[chat.RoomID]struct{})}
}

// touch notes that something was said in a room.
func (a *activeRooms) touch(room chat.RoomID, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	note(a.since, room, at)
}

// arrive notes that somebody came to a room.
func (a *activeRooms) arrive(room chat.RoomID, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	note(a.came, room, at)
}

func note(rooms map[chat.RoomID]time.Time, room chat.RoomID, at time.Time) {
	last, known := rooms[room]
	if (known || len(rooms) < maxRooms) && at.After(last) {
		rooms[room] = at
	}
}

// take takes the rooms where something was said, and those where somebody came.
func (a *activeRooms) take() (said, came map[chat.RoomID]time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	said, came = a.since, a.came
	a.since, a.came = make(map[chat.RoomID]time.Time), make(map[chat.RoomID]time.Time)
	return said, came
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
			said, came := s.active.take()
			s.writeRooms(context.WithoutCancel(ctx), said, came)
			return nil
		case <-tick.C:
			said, came := s.active.take()
			s.writeRooms(ctx, said, came)
			s.forgetRooms(ctx, s.active.takeEnded())
		}
	}
}

// writeRooms puts rooms into the list. A room where nothing was said has a place
// in its first half only: readers alone push nobody out.
func (s *Store) writeRooms(ctx context.Context, said, came map[chat.RoomID]time.Time) {
	if len(said)+len(came) == 0 || !s.Up() {
		return
	}
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	list := s.keys.rooms()
	listed, err := s.client.ZCard(call, list).Result()
	pipe := s.client.Pipeline()
	for chunk := range slices.Chunk(members(said), 500) {
		pipe.ZAddGT(call, list, chunk...)
	}
	arrivals := members(came)
	for chunk := range slices.Chunk(arrivals, 500) {
		pipe.ZAddArgs(call, list, redis.ZAddArgs{XX: true, GT: true, Members: chunk})
	}
	for chunk := range slices.Chunk(arrivals[:min(len(arrivals), max(0, maxRooms/2-int(listed)))], 500) {
		pipe.ZAddNX(call, list, chunk...)
	}
	pipe.ZRemRangeByRank(call, list, 0, -maxRooms-1)
	if err == nil {
		_, err = pipe.Exec(call)
	}
	if err != nil && ctx.Err() == nil {
		s.o.Log.Warn("list of rooms not written", "error", err)
	}
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
