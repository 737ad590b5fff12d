package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

// maxRooms is how many rooms the list of rooms keeps, and how many a list of
// those touched within a second holds.
const maxRooms = 10_000

// RoomInfo is one entry of the list of rooms.
type RoomInfo struct {
	Room         chat.RoomID
	Participants int
	// LastID is the id of the newest message, zero if there is none.
	LastID chat.EventID
	// At is the time of the last message or the last arrival.
	At time.Time
}

// Rooms lists up to limit rooms, those first where the most people came or spoke of
// late, told apart by their addresses; of as many, the one with the latest activity.
func (s *Store) Rooms(ctx context.Context, limit int) ([]RoomInfo, error) {
	if limit = min(limit, maxRooms); limit <= 0 {
		return nil, nil
	}
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	listed, err := s.listedRooms(call, limit)
	if err == nil && len(listed) > 0 {
		err = s.lookUpRooms(call, listed)
	}
	if err != nil {
		return nil, s.failedRead(ctx, "list rooms", err)
	}
	slices.SortStableFunc(listed, func(a, b *listedRoom) int {
		return cmp.Or(cmp.Compare(b.people, a.people), b.info.At.Compare(a.info.At))
	})
	infos := make([]RoomInfo, 0, len(listed))
	for _, l := range listed {
		// A room whose log went away and that nobody reads is no more.
		if l.info.Participants > 0 || !l.info.LastID.IsZero() {
			infos = append(infos, l.info)
		} else {
			s.active.end(l.info.Room)
		}
	}
	return infos, nil
}

// ReadRooms is [Store.Rooms] for a request: it is read once for all who ask, and
// remembered for a second. Nobody changes the list.
func (s *Store) ReadRooms(ctx context.Context, limit int) ([]RoomInfo, error) {
	if err := s.away(); err != nil {
		return nil, s.failed(ctx, "list rooms", err)
	}
	for _, size := range recentSizes {
		if limit <= size {
			infos, err := s.recentRooms.get(ctx, size, func(ctx context.Context) ([]RoomInfo, error) { return s.Rooms(ctx, size) })
			return infos[:min(max(limit, 0), len(infos))], err
		}
	}
	return s.Rooms(ctx, limit)
}

// listedRoom is a room in one of the lists, or both.
type listedRoom struct {
	info   RoomInfo
	people int  // who came or spoke of late, told apart by address
	ranked rank // as the ranking has it; zero if it does not
}

// listedRooms reads the first rooms of the ranking, and behind them those of the list by
// activity, which has also what only older versions of the program know of.
func (s *Store) listedRooms(ctx context.Context, limit int) ([]*listedRoom, error) {
	pipe := s.client.Pipeline()
	ranking := pipe.ZRevRangeWithScores(ctx, s.keys.ranking(), 0, int64(limit)-1)
	latest := pipe.ZRevRangeWithScores(ctx, s.keys.rooms(), 0, int64(limit)-1)
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, err
	}
	listed := make([]*listedRoom, 0, limit)
	known := make(map[chat.RoomID]*listedRoom, limit)
	for _, z := range ranking.Val() {
		room := chat.RoomID(fmt.Sprint(z.Member))
		l := &listedRoom{info: RoomInfo{Room: room, At: rank(z.Score).at()}, ranked: rank(z.Score)}
		listed, known[room] = append(listed, l), l
	}
	for _, z := range latest.Val() {
		room, at := chat.RoomID(fmt.Sprint(z.Member)), time.UnixMilli(int64(z.Score)).UTC()
		if l := known[room]; l != nil {
			l.info.At = at // to the millisecond
		} else if len(listed) < limit {
			listed = append(listed, &listedRoom{info: RoomInfo{Room: room, At: at}})
		}
	}
	return listed, nil
}

// lookUpRooms asks how it is in each room, and puts right what the ranking has: a room's
// people are forgotten with time, and the ranking does not hear of it.
func (s *Store) lookUpRooms(ctx context.Context, listed []*listedRoom) error {
	type asked struct {
		readers, people *redis.IntCmd
		head            *redis.SliceCmd
	}
	pipe := s.client.Pipeline()
	ask, now := make([]asked, len(listed)), time.Now()
	for i, l := range listed {
		room := l.info.Room
		ask[i] = asked{
			readers: pipe.HLen(ctx, s.keys.roster(room)), people: pipe.PFCount(ctx, s.keys.recentPeople(room, now)...),
			head: pipe.HMGet(ctx, s.keys.head(room), "epoch", "next"),
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	var wrong []redis.Z
	for i, l := range listed {
		l.info.Participants, l.people = int(ask[i].readers.Val()), int(ask[i].people.Val())
		l.info.LastID = lastID(ask[i].head.Val())
		if l.ranked != 0 && l.ranked.people() != l.people {
			wrong = append(wrong, redis.Z{Score: float64(newRank(l.people, l.ranked.at())), Member: string(l.info.Room)})
		}
	}
	if len(wrong) > 0 && s.Ready() == nil {
		if err := s.client.ZAddXX(ctx, s.keys.ranking(), wrong...).Err(); err != nil {
			s.o.Log.Debug("ranking of rooms not put right", "error", err)
		}
	}
	return nil
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
