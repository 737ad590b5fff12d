package store

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

// The list of rooms is ranked by how many people came or spoke of late. Sessions,
// nicknames and streams can be had for nothing, and messages nearly so; what is dear is an
// address. So people are told apart by that, in a HyperLogLog for each room and each six
// hours, and this one and the last count. Where everybody comes through a proxy that is not
// trusted, all are one, and the latest activity decides, as it does among equals.

// peopleWindow is the time that one HyperLogLog of a room is of.
const peopleWindow = 6 * time.Hour

// recentPeople are the keys of this window and the last.
func (k keys) recentPeople(r chat.RoomID, now time.Time) []string {
	window := now.Unix() / int64(peopleWindow.Seconds())
	return []string{k.people(r, window), k.people(r, window-1)}
}

// rank is a room's score in the ranking: how many people, then the second of the last
// activity. A float64 has 53 bits: 21 for the people, 32 for the seconds.
type rank float64

const maxRanked = 1<<21 - 1

func newRank(people int, at time.Time) rank {
	return rank(uint64(min(people, maxRanked))<<32 | uint64(uint32(at.Unix())))
}

func (r rank) people() int   { return int(uint64(r) >> 32) }
func (r rank) at() time.Time { return time.Unix(int64(uint32(uint64(r))), 0).UTC() }

// addressDigest stands for an address in one room: the address is written nowhere.
func addressDigest(room chat.RoomID, address string) string {
	sum := sha256.Sum256([]byte("people\n" + string(room) + "\n" + address))
	return string(sum[:12])
}

// rankRooms counts who came or spoke within the last second, and ranks those rooms anew.
func (s *Store) rankRooms(ctx context.Context, last activity) {
	if len(last.from) == 0 || s.Ready() != nil {
		return
	}
	said, came, err := s.countPeople(ctx, last)
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	if err == nil {
		err = s.addRooms(call, s.keys.ranking(), said, came, redis.ZAddArgs{})
	}
	if err == nil {
		err = s.client.PExpire(call, s.keys.ranking(), 2*peopleWindow).Err()
	}
	if err != nil && ctx.Err() == nil {
		s.o.Log.Warn("rooms not ranked", slog.String("error", err.Error()))
	}
}

// countPeople adds who came or spoke to their rooms' people, and returns the rooms' ranks:
// those where something was said, and the others.
func (s *Store) countPeople(ctx context.Context, last activity) (said, came []redis.Z, err error) {
	for rooms := range slices.Chunk(slices.Collect(maps.Keys(last.from)), 500) {
		counts, err := s.addPeople(ctx, rooms, last.from)
		if err != nil {
			return nil, nil, err
		}
		for i, room := range rooms {
			at, spoken := last.said[room]
			if coming := last.came[room]; coming.After(at) {
				at = coming
			}
			z := redis.Z{Score: float64(newRank(int(counts[i].Val()), at)), Member: string(room)}
			if spoken {
				said = append(said, z)
			} else {
				came = append(came, z)
			}
		}
	}
	return said, came, nil
}

// addPeople is countPeople for some rooms, within the time of one call.
func (s *Store) addPeople(ctx context.Context, rooms []chat.RoomID, from map[chat.RoomID]addresses) ([]*redis.IntCmd, error) {
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	pipe, now := s.client.Pipeline(), time.Now()
	counts := make([]*redis.IntCmd, len(rooms))
	for i, room := range rooms {
		keys := s.keys.recentPeople(room, now)
		for some := range slices.Chunk(slices.Collect(maps.Keys(from[room])), 500) {
			people := make([]any, len(some))
			for j, address := range some {
				people[j] = addressDigest(room, address)
			}
			pipe.PFAdd(call, keys[0], people...)
		}
		pipe.PExpire(call, keys[0], 2*peopleWindow)
		counts[i] = pipe.PFCount(call, keys...)
	}
	_, err := pipe.Exec(call)
	return counts, err
}
