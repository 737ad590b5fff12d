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
}

func newActiveRooms() *activeRooms {
	return &activeRooms{since: make(map[chat.RoomID]time.Time)}
}

func (a *activeRooms) touch(room chat.RoomID, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	last, known := a.since[room]
	if (known || len(a.since) < maxRooms) && at.After(last) {
		a.since[room] = at
	}
}

func (a *activeRooms) take() map[chat.RoomID]time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	taken := a.since
	a.since = make(map[chat.RoomID]time.Time)
	return taken
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
			s.writeRooms(context.WithoutCancel(ctx), s.active.take())
			return nil
		case <-tick.C:
			s.writeRooms(ctx, s.active.take())
		}
	}
}

func (s *Store) writeRooms(ctx context.Context, rooms map[chat.RoomID]time.Time) {
	if len(rooms) == 0 || !s.Up() {
		return
	}
	members := make([]redis.Z, 0, len(rooms))
	for room, at := range rooms {
		members = append(members, redis.Z{Score: float64(at.UnixMilli()), Member: string(room)})
	}
	slices.SortFunc(members, func(a, b redis.Z) int { return cmp.Compare(a.Score, b.Score) })
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	pipe := s.client.Pipeline()
	for chunk := range slices.Chunk(members, 500) {
		pipe.ZAddGT(call, s.keys.rooms(), chunk...)
	}
	pipe.ZRemRangeByRank(call, s.keys.rooms(), 0, -maxRooms-1)
	if _, err := pipe.Exec(call); err != nil && ctx.Err() == nil {
		s.o.Log.Warn("list of rooms not written", "error", err)
	}
}
