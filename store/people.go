package store

import (
	"context"
	"slices"
	"strings"

	"causette/chat"
)

// maxPeople is how many names People lists.
const maxPeople = 1000

// roll is who reads a room.
type roll struct {
	counts chat.Presence
	people []chat.Person
}

// bytes is what a roll holds, about.
func (r roll) bytes() int { return 256 + 128*len(r.people) }

// People is who reads a room, over all instances: the counts, and up to 1,000 of
// those who have a nickname, by nickname. Who died without a word is counted out.
func (s *Store) People(ctx context.Context, room chat.RoomID) (chat.Presence, []chat.Person, error) {
	r, err := s.roll(ctx, room)
	return r.counts, r.people, err
}

// ReadPeople is [Store.People] for a request: it is read once for all who ask, and
// remembered for a second, unless this instance hears or tells of a change meanwhile.
// Nobody changes the list.
func (s *Store) ReadPeople(ctx context.Context, room chat.RoomID) (chat.Presence, []chat.Person, error) {
	if err := s.away(); err != nil {
		return chat.Presence{}, nil, s.failed(ctx, "list people", err)
	}
	r, err := s.recentRolls.get(ctx, room, func(ctx context.Context) (roll, error) { return s.roll(ctx, room) })
	return r.counts, r.people, err
}

func (s *Store) roll(ctx context.Context, room chat.RoomID) (roll, error) {
	keys, args := s.presenceCall(&telling{room: room})
	v, err := s.read(ctx, "count people", presenceScript, keys, args...)
	counts := readPresence(newReply(v), &err).counts
	if isRefusal(err) {
		counts, err = s.lastCounts(ctx, room)
	}
	if err != nil {
		return roll{}, err
	}
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	named, _, err := s.client.HScan(call, s.keys.named(room), 0, "", maxPeople).Result()
	if err := s.failedRead(ctx, "list people", err); err != nil {
		return roll{}, err
	}
	people := make([]chat.Person, 0, len(named)/2)
	for pair := range slices.Chunk(named, 2) {
		people = append(people, chat.Person{ID: pair[0], Nickname: chat.Nickname(pair[1])})
	}
	slices.SortFunc(people, func(a, b chat.Person) int { return strings.Compare(string(a.Nickname), string(b.Nickname)) })
	return roll{counts, people[:min(len(people), maxPeople)]}, nil
}

// lastCounts is who reads a room, for a Redis that takes no writes: who died without a word
// is not counted out.
func (s *Store) lastCounts(ctx context.Context, room chat.RoomID) (chat.Presence, error) {
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	pipe := s.client.Pipeline()
	readers, named := pipe.HLen(call, s.keys.roster(room)), pipe.HLen(call, s.keys.named(room))
	_, err := pipe.Exec(call)
	return chat.Presence{Participants: int(readers.Val()), Named: int(named.Val())}, s.failedRead(ctx, "count people", err)
}
