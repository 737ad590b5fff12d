package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

var presenceScript = lua("clock", "announce", "presence")

// telling is one room's run of presence.lua.
type telling struct {
	room   chat.RoomID
	again  bool // nobody is announced: Redis forgot them, they did not come
	unsure bool // the readers here are to have the counts of the answer
	asleep bool // this instance may have been buried before
	list   []change
	put    []change // put off, since Redis is full: who came, or took another name
	heard  int
	cmd    *redis.Cmd
}

// tell runs the script for a batch of rooms, in one pipeline.
func (p *presence) tell(ctx context.Context, batch []chat.RoomID) {
	call, cancel := context.WithTimeout(ctx, p.s.o.Timeout)
	defer cancel()
	pipe := p.s.client.Pipeline()
	tellings := make([]*telling, 0, len(batch))
	for _, room := range batch {
		t := p.prepare(room)
		keys, args := p.s.presenceCall(t)
		t.cmd = presenceScript.EvalSha(call, pipe, keys, args...)
		tellings = append(tellings, t)
	}
	_, _ = pipe.Exec(call) // each command has its own error
	for _, t := range tellings {
		if redis.HasErrorPrefix(t.cmd.Err(), "NOSCRIPT") {
			keys, args := p.s.presenceCall(t)
			t.cmd = presenceScript.Eval(call, p.s.client, keys, args...)
		}
		if isOOM(t.cmd.Err()) {
			p.putOff(call, t)
		}
		p.told(ctx, t)
	}
}

// prepare takes what a room has to tell.
func (p *presence) prepare(room chat.RoomID) *telling {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.room(room)
	t := &telling{room: room, again: r.lost, unsure: r.unsure, asleep: r.asleep, list: r.changes(maxChanges), heard: r.heard}
	r.unsure, r.asleep = false, false
	return t
}

// told notes how a telling went.
func (p *presence) told(ctx context.Context, t *telling) {
	v, err := t.cmd.Result()
	err = p.s.failed(ctx, "tell presence", err)
	a := readPresence(newReply(v), &err)
	now := time.Now()

	p.mu.Lock()
	defer p.mu.Unlock()
	p.stir()
	r := p.room(t.room)
	r.queued = false
	r.undone(t.put)
	// The next try is not so soon that many rooms would be a storm.
	later := now.Add(max(p.s.o.PresenceEvery, p.s.o.Lease/9))
	if err == nil {
		if p.answered(t, r, a, now); len(t.put) > 0 {
			r.next = later
		}
	} else {
		r.undone(t.list)
		r.unsure, r.asleep = r.unsure || t.unsure, r.asleep || t.asleep
		r.next = later
		if ctx.Err() == nil {
			p.s.o.Log.Debug("presence not told", "room", t.room, "error", err)
		}
	}
	p.remind(r)
	p.tidy(t.room, r)
}

// answered takes the script's answer. The caller holds mu.
func (p *presence) answered(t *telling, r *presenceRoom, a answer, now time.Time) {
	if len(t.list) > 0 {
		r.next = now.Add(r.every(p.s.o.PresenceEvery))
	}
	// Up to a quarter sooner, so that rooms opened together drift apart.
	r.renew = now.Add(p.s.o.Lease/3 - rand.N(p.s.o.Lease/12))
	r.postpone(now, a.wait)
	if r.done(t.list); len(t.list) > 0 {
		p.s.recentRolls.forget(t.room)
	}
	if a.counts.Participants == 0 {
		p.s.active.end(t.room)
	}
	if r.heard == t.heard {
		r.counts = a.counts
	}
	switch slept := r.asleep || t.asleep; {
	case r.registered && !a.known:
		p.s.o.Log.Warn("redis forgot who is here: registering everyone again", "room", t.room, "sessions", len(r.sessions), "slept", slept)
		r.forgotten()
		r.lost = !slept // after a sleep they were announced as gone, so they are as back
		r.next = now
	case len(r.dirty) == 0:
		r.lost = false
	}
	r.registered = r.anyTold()
	if a.more || len(t.list) == maxChanges {
		r.next = now
	}
	unheard := t.unsure && r.heard == t.heard
	switch {
	case r.next.Equal(now):
		r.unsure = r.unsure || unheard // the next answer will be better: it knows more of those who are here
		p.enqueue(t.room, r)
	case unheard:
		r.hear(a.counts)
	}
}

// postpone notes how long what is left unsaid has to wait, if anything is. The renewal
// would say it too, so the room need not come again later than that.
func (r *presenceRoom) postpone(now time.Time, wait time.Duration) {
	r.unsaid = time.Time{}
	if wait > 0 {
		r.unsaid = now.Add(min(wait, r.renew.Sub(now)))
	}
}

// presenceCall is what to call presence.lua with.
func (s *Store) presenceCall(t *telling) ([]string, []any) {
	room := t.room
	at, _ := chat.Instant{Time: time.Now()}.MarshalJSON()
	args := []any{
		s.o.Instance, s.o.Lease.Milliseconds(), s.keys.channel(room), strings.Trim(string(at), `"`),
		s.o.NoticeLimit, s.keys.here(room, ""), maxChanges, s.publishVerb(), s.o.PresenceEvery.Milliseconds(),
	}
	for _, c := range t.list {
		if t.again && c.op == "join" {
			c.op = "again"
		}
		args = append(args, c.op, c.session, string(c.name), string(c.was))
	}
	return []string{
		s.keys.instances(room), s.keys.here(room, s.o.Instance), s.keys.roster(room), s.keys.named(room), s.keys.told(room),
	}, args
}

// answer is presence.lua's.
type answer struct {
	counts chat.Presence
	known  bool          // the instance was registered before
	more   bool          // dead sessions are left for the next run
	wait   time.Duration // until what was left unsaid may be said; 0 if nothing was
}

// readPresence reads presence.lua's reply, unless *err says that there is none.
func readPresence(r *reply, err *error) (a answer) {
	if *err != nil {
		return a
	}
	a.counts = chat.Presence{Participants: int(r.number()), Named: int(r.number())}
	a.known, a.more = r.number() == 1, r.number() == 1
	a.wait = time.Duration(r.number()) * time.Millisecond
	if r.err != nil {
		*err = fmt.Errorf("tell presence: %w", r.err)
	}
	return a
}

// renaming is what goes over the control channel: every instance that holds the
// session in a room has it renamed there.
type renaming struct {
	Session  string        `json:"session"`
	Nickname chat.Nickname `json:"nickname"`
	Was      chat.Nickname `json:"was,omitempty"`
}

// Rename gives a session another nickname wherever it is present: in room before
// it returns, in every other room within moments. The room is told of a join if
// was is empty, of a leave if the nickname is, else of a rename; who is not present
// there is not announced.
func (s *Store) Rename(ctx context.Context, room chat.RoomID, who chat.Person, was chat.Nickname) error {
	keys, args := s.presenceCall(&telling{room: room, list: []change{{"rename", who.ID, who.Nickname, was}}})
	_, err := s.run(ctx, "rename", presenceScript, keys, args...)
	s.recentRolls.forget(room)
	if err != nil {
		return err
	}
	message, err := json.Marshal(renaming{who.ID, who.Nickname, was})
	if err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	s.presence.control(string(message)) // here at once, and once more when it comes back: that changes nothing
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	return s.failed(ctx, "rename", s.client.Publish(call, s.keys.control(), message).Err())
}

// control takes a renaming: from now on the session has that name in every room here.
func (p *presence) control(message string) {
	var m renaming
	if err := json.Unmarshal([]byte(message), &m); err != nil || m.Session == "" {
		p.s.o.Log.Warn("control message not understood")
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for room, r := range p.rooms {
		if h := r.sessions[m.Session]; h != nil && h.called().now != m.Nickname {
			r.alter(h, func(h *held) { h.rename(m.Nickname, m.Was) })
			p.changed(room, r, m.Session)
		}
	}
}
