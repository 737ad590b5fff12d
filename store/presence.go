package store

import (
	"encoding/json"
	"sync"
	"time"

	"causette/chat"
)

const (
	// maxChanges is how many sessions one run of presence.lua is told of, and how
	// many of a dead instance it buries.
	maxChanges = 500
	// maxBatch is how many rooms' scripts go to Redis in one pipeline.
	maxBatch = 64
)

// presence is who reads which room on this instance, and its telling Redis. Redis
// is told of a room at once when something changes after a quiet time, and then once
// in PresenceEvery at most: ten times as seldom where there are ten thousand. How
// often the room is, presence.lua decides, for all instances together.
type presence struct {
	s *Store // static after construction

	// wake tells the loop that ready is not empty.
	wake chan struct{}
	// alarm has the loop look at the rooms. It is set for when the next one is due
	// and no sooner: to wake a process at rest is dear.
	alarm *time.Timer

	mu     sync.Mutex
	rooms  map[chat.RoomID]*presenceRoom // guarded by mu
	ready  []chat.RoomID                 // guarded by mu: to be run now
	awake  time.Time                     // guarded by mu: when this process was last seen to run
	looked time.Time                     // guarded by mu: when the loop last looked at the rooms
	looks  time.Time                     // guarded by mu: when alarm goes off; zero if it is not set
}

func newPresence(s *Store) *presence {
	p := &presence{s: s, wake: make(chan struct{}, 1), alarm: time.NewTimer(0), rooms: make(map[chat.RoomID]*presenceRoom), awake: time.Now()}
	p.alarm.Stop()
	return p
}

// Join says that a stream of who begins in a room here, from an address (what can't be
// told apart is one). A session may have several; each ends with a Leave. It returns at once.
func (s *Store) Join(room chat.RoomID, who chat.Person, address string) {
	p := s.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.room(room)
	h := r.sessions[who.ID]
	if h == nil {
		h = &held{}
		r.sessions[who.ID] = h
	}
	r.alter(h, func(h *held) {
		h.streams++
		h.leaving = false
		h.since++
		if h.called().now == "" {
			h.rename(who.Nickname, h.called().was) // another one comes by Rename only, and not with an old token
		}
	})
	s.active.arrive(room, time.Now(), address)
	p.changed(room, r, who.ID)
}

// Leave says that one of the session's streams in a room ended. With its last
// one, the session has left once LeaveDelay passed without another. It returns
// at once.
func (s *Store) Leave(room chat.RoomID, session string) {
	p := s.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.rooms[room]
	if r == nil || r.sessions[session] == nil || r.sessions[session].streams == 0 {
		return
	}
	h, delayed := r.sessions[session], s.o.LeaveDelay > 0
	r.alter(h, func(h *held) {
		h.streams--
		h.leaving = h.streams == 0 && delayed
		h.since++
	})
	if h.streams > 0 {
		return
	}
	if !delayed {
		p.changed(room, r, session)
		return
	}
	since := h.since
	// No timer outlives its use by more than a glance: when Run has ended, there
	// is nobody left to tell.
	time.AfterFunc(s.o.LeaveDelay, func() { p.gone(room, session, since) })
}

// gone ends a session whose LeaveDelay ran out, unless it came back meanwhile.
func (p *presence) gone(room chat.RoomID, session string, since uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.rooms[room]
	if r == nil || r.sessions[session] == nil {
		return
	}
	if h := r.sessions[session]; h.leaving && h.since == since {
		r.alter(h, func(h *held) { h.leaving = false })
		p.changed(room, r, session)
	}
}

// Participants is how many read a room, as far as this instance has heard: what
// was last announced, and who came here since. It does not ask Redis.
func (s *Store) Participants(room chat.RoomID) chat.Presence {
	s.presence.mu.Lock()
	defer s.presence.mu.Unlock()
	r := s.presence.rooms[room]
	if r == nil {
		return chat.Presence{}
	}
	return r.participants()
}

// here is how many sessions read here, in each room that they read.
func (p *presence) here() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.rooms {
		n += len(r.sessions)
	}
	return n
}

// RoomsOf is how many rooms a session reads here: a rename is told in each.
func (s *Store) RoomsOf(session string) (n int) {
	s.presence.mu.Lock()
	defer s.presence.mu.Unlock()
	for _, r := range s.presence.rooms {
		if r.sessions[session] != nil {
			n++
		}
	}
	return n
}

// room is the room's presence here, made if need be. The caller holds mu.
func (p *presence) room(room chat.RoomID) *presenceRoom {
	r := p.rooms[room]
	if r == nil {
		r = newPresenceRoom()
		p.rooms[room] = r
	}
	return r
}

// tidy forgets a room of which there is nothing to know. The caller holds mu.
func (p *presence) tidy(room chat.RoomID, r *presenceRoom) {
	if r.idle() {
		delete(p.rooms, room)
	}
}

// changed notes that Redis may have to be told of a session. The caller holds mu.
func (p *presence) changed(room chat.RoomID, r *presenceRoom, session string) {
	r.dirty[session] = struct{}{}
	if time.Now().Before(r.next) {
		p.remind(r)
	} else {
		p.enqueue(room, r)
	}
}

// enqueue has a room run by the loop. The caller holds mu.
func (p *presence) enqueue(room chat.RoomID, r *presenceRoom) {
	if r.queued {
		return
	}
	r.queued = true
	p.ready = append(p.ready, room)
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// follow says that the feed hears a room from now on. The caller may hold feed.mu.
func (p *presence) follow(feed *feedRoom) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.room(feed.room).feed = feed
}

// refresh has a room's readers here told the counts: it is heard from now on, or again,
// and they may have changed before. The caller may hold feed.mu.
func (p *presence) refresh(room chat.RoomID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.rooms[room]; r != nil {
		r.unsure = true // for the next run: with the first join, or soon
		p.remind(r)
	}
}

// unfollow says that the feed hears a room no longer. The caller may hold feed.mu.
func (p *presence) unfollow(room chat.RoomID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.rooms[room]; r != nil {
		r.feed = nil
		p.tidy(room, r)
	}
}

// seen takes the counts that were announced in a room.
func (p *presence) seen(room chat.RoomID, data []byte) {
	var counts chat.Presence
	if err := json.Unmarshal(data, &counts); err != nil {
		p.s.o.Log.Warn("presence not understood", "room", room, "error", err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.s.recentRolls.forget(room)
	if r := p.rooms[room]; r != nil {
		r.counts = counts
		r.heard++
		r.unsure = false // the readers here get these
	}
}

// hear gives the counts to the readers here, and to nobody else, as if they had been
// announced. The caller holds presence.mu until the feed's room has them: seen takes it
// before the feed hands on what it hears, so what is heard later comes later. That is
// memory work, as all is that a Sink does, and nobody who has the feed room's mutex, or one
// that a Sink takes, wants presence.mu.
//
// What was announced before the answer may still come after it. Then the readers here
// know as much as those elsewhere: what changed since is announced once it is due.
//
// The room need not be live. If its log is being read, it gathers them; if it drops what
// it gathered, or is not subscribed, refresh is called once it is live or subscribed.
func (r *presenceRoom) hear(counts chat.Presence) {
	if r.feed == nil {
		return
	}
	data, err := json.Marshal(counts)
	if err != nil {
		panic(err) // numbers
	}
	r.feed.announce(chat.Event{Kind: chat.KindPresence, Data: data})
}
