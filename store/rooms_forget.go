package store

import (
	"context"
	"log/slog"
	"strconv"

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

// takeEnded takes some of those rooms.
func (a *activeRooms) takeEnded() (rooms []chat.RoomID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for room := range a.ended {
		if len(rooms) == maxForgotten {
			break
		}
		delete(a.ended, room)
		rooms = append(rooms, room)
	}
	return rooms
}

// forgetRooms takes those of the rooms out of the list of rooms that have neither
// readers nor messages: rooms that readers alone made leave nothing behind. The
// list is in another slot than the rooms, so a room that came to life meanwhile is
// known by its score.
func (s *Store) forgetRooms(ctx context.Context, rooms []chat.RoomID) {
	if len(rooms) == 0 || !s.Up() {
		return
	}
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	list := s.keys.rooms()
	members := make([]string, len(rooms))
	for i, room := range rooms {
		members[i] = string(room)
	}
	scores, err := s.client.ZMScore(call, list, members...).Result()
	if err != nil {
		s.o.Log.Debug("rooms not forgotten", slog.String("error", err.Error()))
		return
	}
	pipe := s.client.Pipeline()
	readers, logs := make([]*redis.IntCmd, len(rooms)), make([]*redis.IntCmd, len(rooms))
	for i, room := range rooms {
		readers[i], logs[i] = pipe.HLen(call, s.keys.roster(room)), pipe.Exists(call, s.keys.log(room))
	}
	_, err = pipe.Exec(call)
	var gone []any
	for i := range rooms {
		if scores[i] != 0 && readers[i].Val() == 0 && logs[i].Val() == 0 {
			gone = append(gone, members[i], strconv.FormatFloat(scores[i], 'f', -1, 64))
		}
	}
	if err == nil && len(gone) > 0 {
		err = forgetScript.Run(call, s.client, []string{list}, gone...).Err()
	}
	if err != nil && ctx.Err() == nil {
		s.o.Log.Debug("rooms not forgotten", slog.String("error", err.Error()))
	}
}
