package store

import (
	"context"
	"maps"
	"sync"
	"time"

	"causette/chat"
)

const (
	// ackedFor is how long it is remembered what was accepted: longer than any Redis
	// takes to write it to disk or to a replica.
	ackedFor = time.Minute
	// maxAcked is how many rooms that is remembered of.
	maxAcked = 10_000
)

var tearScript = lua("clock", "announce", "head", "lineage", "tear")

// acked is the newest post of each room that this instance has had accepted. A
// Redis that crashed or failed over may have lost it, and nobody else need know
// that it was ever there.
type acked struct {
	mu    sync.Mutex
	rooms map[chat.RoomID]ackedPost // guarded by mu; at most maxAcked
}

type ackedPost struct {
	id   chat.EventID
	past chat.EventID // the newest known of the epoch before, if any
	at   time.Time
}

func newAcked() *acked { return &acked{rooms: make(map[chat.RoomID]ackedPost)} }

// note takes an accepted post. It returns the one that its room had before if the
// two contradict each other: a later epoch that goes on before it, so it is lost. Two
// steps' answers may cross, so it may be the later that shows it.
func (a *acked) note(room chat.RoomID, id chat.EventID, now time.Time) (lost chat.EventID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	before, known := a.rooms[room]
	post := ackedPost{id: id, past: before.past, at: now}
	switch {
	case !known && len(a.rooms) == maxAcked:
		a.prune(now)
		if len(a.rooms) == maxAcked {
			return lost
		}
	case id.Compare(before.id) < 0:
		if id.Epoch == before.id.Epoch && id.Seq <= before.past.Seq {
			lost = before.past
		}
		return lost // overtaken on the way back
	case id.Epoch != before.id.Epoch:
		if post.past = before.id; id.Seq <= before.id.Seq {
			lost = before.id
		}
	}
	a.rooms[room] = post
	return lost
}

// torn notes that a room's log, which ended with id or later, goes on in another epoch.
// What it had has its seq there.
func (a *acked) torn(room chat.RoomID, id chat.EventID, epoch int64, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if newest := a.rooms[room].id; newest.Epoch == id.Epoch {
		id.Seq = max(id.Seq, newest.Seq)
	}
	a.rooms[room] = ackedPost{id: chat.EventID{Epoch: epoch, Seq: id.Seq}, at: now}
}

// prune forgets what is old. The caller holds mu.
func (a *acked) prune(now time.Time) {
	maps.DeleteFunc(a.rooms, func(_ chat.RoomID, p ackedPost) bool { return now.Sub(p.at) > ackedFor })
}

// recent is what was accepted of late.
func (a *acked) recent(now time.Time) map[chat.RoomID]ackedPost {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.prune(now)
	return maps.Clone(a.rooms)
}

// verifyAcked asks of each room that is meant whether it still has what was accepted of
// late, for a Redis that may be another than before.
func (s *Store) verifyAcked(ctx context.Context, meant func(context.Context, chat.RoomID) bool) {
	for room, post := range s.acked.recent(time.Now()) {
		if ctx.Err() != nil {
			return
		}
		if !meant(ctx, room) {
			continue
		}
		if _, err := s.tear(ctx, room, post.id); err != nil {
			s.o.Log.Warn("not known whether a room's log lost its end", "room", room, "error", err)
		}
	}
}

// acknowledge remembers what a group has had accepted, in the order of the log, and has
// the log torn if that shows that it lost what was accepted before. It returns the epoch
// that the group's messages have then, else 0.
func (s *Store) acknowledge(room chat.RoomID, group []*landing, replies []any) (epoch int64) {
	var newest, lost chat.EventID
	for i, l := range group {
		if id := l.acceptedAs(replies[i]); !id.IsZero() {
			newest, lost = id, or(lost, s.acked.note(room, id, time.Now()))
		}
	}
	epoch, err := s.tear(context.Background(), room, lost)
	switch {
	case err != nil:
		s.o.Log.Warn("log that lost its end not torn", "room", room, "error", err)
	case epoch != 0:
		s.acked.torn(room, newest, epoch, time.Now())
	}
	return epoch
}

// tear has a room's log begin a new epoch if it lost an event that it had, and
// every instance replace what it has of it. It returns the new epoch: 0 if nothing
// was lost, or somebody else was first.
func (s *Store) tear(ctx context.Context, room chat.RoomID, lost chat.EventID) (epoch int64, err error) {
	if lost.IsZero() {
		return 0, nil
	}
	v, err := s.run(ctx, "verify log", tearScript, []string{s.keys.head(room), s.keys.log(room), s.keys.copied(room)},
		lost.Epoch, lost.Seq, s.o.HistoryTTL.Milliseconds(), s.publishVerb(), s.keys.channel(room))
	if epoch, _ = v.(int64); epoch != 0 {
		s.o.Log.Warn("redis lost the end of a room's log: its readers begin anew", "room", room, "lost", lost)
	}
	return epoch, err
}
