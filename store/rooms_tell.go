package store

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"time"

	"causette/chat"
)

const (
	// tellRoomsEvery is the time between two looks at the list of rooms, where few read.
	tellRoomsEvery = time.Second
	// maxTellRooms is how many times as long it is where many do.
	maxTellRooms = 30
	// toldRooms is how many of the liveliest rooms are looked at, and so the most
	// that one event tells of.
	toldRooms = 50
)

// roomsEvery is the time between two looks at the list of rooms: a second more for
// each thousand who read here. Each of them hears the news of up to 50 rooms, so that
// at once a second 20,000 were sent 60 MB a second, and messages waited behind it.
func roomsEvery(readers int) time.Duration {
	return tellRoomsEvery * time.Duration(min(1+readers/1000, maxTellRooms))
}

// tellRooms has the readers of every followed room hear what changed in the
// other ones, once a second at most. Nothing is asked of Redis while nobody reads.
func (s *Store) tellRooms(ctx context.Context) error {
	tick := time.NewTicker(tellRoomsEvery)
	defer tick.Stop()
	var known map[chat.RoomID]chat.RoomNews
	var looked time.Time
	for {
		var now time.Time
		select {
		case <-ctx.Done():
			return nil
		case now = <-tick.C:
		}
		// Half a tick less, for ticks may come a little early or late.
		if now.Sub(looked) < roomsEvery(s.presence.here())-tellRoomsEvery/2 || !s.Up() || !s.feed.followed() {
			continue
		}
		looked = now
		rooms, err := s.Rooms(ctx, toldRooms)
		if err != nil {
			s.o.Log.Debug("list of rooms not told", slog.String("error", err.Error()))
			continue
		}
		var changed []chat.RoomNews
		changed, known = roomNews(known, rooms)
		s.feed.tell(changed)
	}
}

// roomNews is what changed between two looks, and what is known after the
// second. At the first look of all, everything is news: the list that a reader got
// with the page is older than the look.
func roomNews(known map[chat.RoomID]chat.RoomNews, rooms []RoomInfo) ([]chat.RoomNews, map[chat.RoomID]chat.RoomNews) {
	now := make(map[chat.RoomID]chat.RoomNews, len(rooms))
	var changed []chat.RoomNews
	for _, r := range rooms {
		news := chat.RoomNews{Room: r.Room, Participants: r.Participants, LastID: r.LastID}
		now[r.Room] = news
		if before, ok := known[r.Room]; !ok || before != news {
			changed = append(changed, news)
		}
	}
	return changed, now
}

func (f *feed) followed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.rooms) > 0
}

// tell gives every room's readers the news of all rooms but their own, which
// they hear of as it happens.
func (f *feed) tell(changed []chat.RoomNews) {
	if len(changed) == 0 {
		return
	}
	f.mu.Lock()
	rooms := slices.Collect(maps.Values(f.rooms))
	f.mu.Unlock()
	everywhere := roomsEvent(changed) // for the rooms that are not among them: most
	for _, r := range rooms {
		e := everywhere
		if own := slices.IndexFunc(changed, func(n chat.RoomNews) bool { return n.Room == r.room }); own >= 0 {
			if len(changed) == 1 {
				continue
			}
			e = roomsEvent(slices.Delete(slices.Clone(changed), own, own+1))
		}
		r.pass(e)
	}
}

func roomsEvent(changed []chat.RoomNews) chat.Event {
	data, err := json.Marshal(chat.Rooms{Rooms: changed})
	if err != nil {
		panic(err) // strings and numbers
	}
	return chat.Event{Kind: chat.KindRooms, Data: data}
}

// pass gives the sink an event that is not the log's.
func (r *feedRoom) pass(e chat.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed && r.settled {
		r.sink.Receive(e)
	}
}
