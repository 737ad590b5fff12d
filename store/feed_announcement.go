package store

import (
	"strings"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

// kindTorn is what tear.lua announces: for feeds, not for readers.
const kindTorn chat.Kind = "torn"

// dispatch hands an announcement to its room.
func (f *feed) dispatch(m *redis.Message) {
	room, ok := f.s.keys.roomOf(m.Channel)
	if !ok {
		f.s.presence.control(m.Payload)
		return
	}
	events, ok := parseAnnouncement(m.Payload)
	if !ok {
		f.s.o.Log.Warn("announcement not understood", "room", room)
		return
	}
	if events[0].Kind == chat.KindPresence {
		f.s.presence.seen(room, events[0].Data)
	}
	if events[0].Durable() || events[0].Kind == kindTorn {
		f.s.forgetNewest(room)
	}
	f.mu.Lock()
	r := f.rooms[room]
	f.mu.Unlock()
	for _, e := range events {
		switch {
		case r == nil:
		case e.Kind == kindTorn:
			if r.doubt() {
				f.fill(r, "torn")
			}
		case r.announce(e):
			f.fill(r, "hole")
		}
	}
}

// parseAnnouncement reads what append.lua announces, "<id>\n<json>" once or more,
// line by line, or one live-only event, "\n<kind>\n<json>".
func parseAnnouncement(payload string) (events []chat.Event, ok bool) {
	first, rest, ok := strings.Cut(payload, "\n")
	if first == "" {
		kind, data, ok := strings.Cut(rest, "\n")
		event := chat.Event{Kind: chat.Kind(kind), Data: []byte(data)}
		return []chat.Event{event}, ok && kind != "" && !event.Durable()
	}
	for ; ok; first, rest, ok = strings.Cut(rest, "\n") {
		id, err := chat.ParseEventID(first)
		if err != nil {
			return nil, false
		}
		var data string
		data, rest, _ = strings.Cut(rest, "\n")
		events = append(events, chat.Event{ID: id, Kind: chat.KindMessage, Data: []byte(data)})
	}
	return events, len(events) > 0
}
