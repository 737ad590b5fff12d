package store

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

// maxForgotten is how many rooms are looked at in a second for whether they are no more.
const maxForgotten = 2000

var forgetScript = lua("forget")

// end notes that a room may be no more: nobody reads it, and perhaps nothing was
// ever said there.
func (a *activeRooms) end(room chat.RoomID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.ended) < maxRooms {
		a.ended[room] = struct{}{}
	}
}

// takeEnded takes some of those rooms, but none of which something is still to be written.
func (a *activeRooms) takeEnded() (rooms []chat.RoomID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for room := range a.ended {
		if len(rooms) == maxForgotten {
			break
		}
		if _, active := a.last.from[room]; active {
			continue
		}
		delete(a.ended, room)
		rooms = append(rooms, room)
	}
	return rooms
}

// forgetRooms takes those of the rooms out of the lists of rooms that have neither
// readers nor messages: rooms that readers alone made leave nothing behind. The
// lists are in other slots than the rooms, so a room that came to life meanwhile is
// known by its score.
func (s *Store) forgetRooms(ctx context.Context, rooms []chat.RoomID) {
	if len(rooms) == 0 || !s.Up() || s.refuses() != nil {
		return
	}
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	if err := s.forgetEnded(call, rooms); err != nil && ctx.Err() == nil {
		s.o.Log.Debug("rooms not forgotten", slog.String("error", err.Error()))
		for _, room := range rooms { // another time
			s.active.end(room)
		}
	}
}

func (s *Store) forgetEnded(ctx context.Context, rooms []chat.RoomID) error {
	members := make([]string, len(rooms))
	for i, room := range rooms {
		members[i] = string(room)
	}
	lists := []string{s.keys.rooms(), s.keys.ranking()}
	pipe := s.client.Pipeline()
	scores := make([]*redis.FloatSliceCmd, len(lists))
	for i, list := range lists {
		scores[i] = pipe.ZMScore(ctx, list, members...)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	pipe = s.client.Pipeline()
	readers, logs := make([]*redis.IntCmd, len(rooms)), make([]*redis.IntCmd, len(rooms))
	for i, room := range rooms {
		readers[i], logs[i] = pipe.HLen(ctx, s.keys.roster(room)), pipe.Exists(ctx, s.keys.log(room))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	pipe = s.client.Pipeline()
	gone, now := make([][]any, len(lists)), time.Now()
	for i, room := range rooms {
		if readers[i].Val() != 0 || logs[i].Val() != 0 {
			continue
		}
		pipe.Unlink(ctx, s.keys.recentPeople(room, now)...)
		for l := range lists {
			if score := scores[l].Val()[i]; score != 0 {
				gone[l] = append(gone[l], members[i], strconv.FormatFloat(score, 'f', -1, 64))
			}
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	for l, list := range lists {
		if len(gone[l]) == 0 {
			continue
		}
		if err := forgetScript.Run(ctx, s.client, []string{list}, gone[l]...).Err(); err != nil {
			return err
		}
	}
	return nil
}
