package store

import (
	"time"

	"causette/chat"
)

// held is one session in one room, as this instance knows it. What Redis was
// told last is compared with what is so now; the difference is what to tell it.
// There is one for every reader, so it is small: 16 bytes without a nickname.
type held struct {
	names   *names // nil of a session that never had one
	streams uint32 // open here
	since   uint16 // counts comings and leaves, so that an old timer is told from the last
	leaving bool   // none is open, and LEAVE_DELAY is running
	told    bool   // Redis counts it here
}

// names is what a session is called.
type names struct {
	now  chat.Nickname
	was  chat.Nickname // before the rename that Redis has not been told of
	told chat.Nickname // what Redis knows
}

func (h *held) present() bool { return h.streams > 0 || h.leaving }

// called is the session's names, to read.
func (h *held) called() names {
	if h.names == nil {
		return names{}
	}
	return *h.names
}

// rename gives the session a name; was is the one it had. No name at first is nothing to keep.
func (h *held) rename(now, was chat.Nickname) {
	if h.names == nil {
		if now == "" && was == "" {
			return
		}
		h.names = new(names)
	}
	h.names.now, h.names.was = now, was
}

// tell notes what Redis has been told: that the session is here, or is not, and
// under which name.
func (h *held) tell(here bool, name chat.Nickname) {
	h.told = here
	if h.names == nil {
		return // it had no name when Redis was told
	}
	h.names.told = name
	if h.names.now == name {
		h.names.was = ""
	}
}

// op is what presence.lua is to do about the session, or "" for nothing.
func (h *held) op() string {
	switch called := h.called(); {
	case h.present() && !h.told:
		return "join"
	case !h.present() && h.told:
		return "leave"
	case h.told && called.now != called.told:
		return "rename"
	default:
		return ""
	}
}

// presenceRoom is one room's presence on this instance. presence.mu guards it.
type presenceRoom struct {
	feed     *feedRoom // hears the room, so that seen is current; nil if it is not followed
	sessions map[string]*held
	// dirty are the sessions that Redis may have to be told of.
	dirty map[string]struct{}

	// counts are the room's, as last heard; heard counts how often that was from
	// the feed, which is always newer than the reply to a script begun before.
	counts chat.Presence
	heard  int
	// coming are the sessions here that Redis has yet to be told of.
	coming chat.Presence

	unsure     bool      // the readers here may have missed counts: they get those of the next run
	unsaid     time.Time // to be run then, to have announced what could not be yet; zero if nothing is
	registered bool      // Redis had this instance registered after the last run
	lost       bool      // Redis lost that, and not everyone is registered again yet
	asleep     bool      // this instance slept past its lease, and has not told Redis of the room since
	queued     bool      // in presence.ready, or running
	next       time.Time // not to be run before
	renew      time.Time // to be run then, for the lease
}

func newPresenceRoom() *presenceRoom {
	return &presenceRoom{sessions: make(map[string]*held), dirty: make(map[string]struct{})}
}

// idle reports whether there is nothing to remember.
func (r *presenceRoom) idle() bool {
	return r.feed == nil && !r.queued && r.unsaid.IsZero() && len(r.sessions) == 0
}

// participants is how many there are, counting those here that the last count
// does not know of yet.
func (r *presenceRoom) participants() chat.Presence {
	return chat.Presence{
		Participants: r.counts.Participants + r.coming.Participants, Named: r.counts.Named + r.coming.Named,
	}
}

// due is when the room is to be run, unless that is for nothing. A room without
// anybody here is told to nobody: who opened it joins in a moment, and is counted in
// then. But what those who left have left unsaid, others elsewhere wait for.
func (r *presenceRoom) due() (at time.Time, ok bool) {
	switch at = r.next; {
	case len(r.dirty) > 0:
		return at, true
	case !r.unsaid.IsZero():
		if at.Before(r.unsaid) {
			at = r.unsaid
		}
		return at, true
	case !r.unsure && at.Before(r.renew):
		at = r.renew
	}
	return at, len(r.sessions) > 0
}

// every is how long to wait between two runs that tell of changes, given the least:
// longer the more there are, since the more then come and go. A thousand readers are
// a unit of it, up to ten. How often it is announced, the script decides.
func (r *presenceRoom) every(least time.Duration) time.Duration {
	return least + least*time.Duration(min(r.counts.Participants, 9000))/1000
}

// alter changes a session with do, which is the only way to: coming is kept
// true, so that a hello in a herd need not count the herd.
func (r *presenceRoom) alter(h *held, do func(*held)) {
	r.count(h, -1)
	do(h)
	r.count(h, 1)
}

func (r *presenceRoom) count(h *held, by int) {
	if h.op() != "join" {
		return
	}
	r.coming.Participants += by
	if h.called().now != "" {
		r.coming.Named += by
	}
}

// change is one session's difference, on its way to Redis.
type change struct {
	op      string
	session string
	name    chat.Nickname
	was     chat.Nickname
}

// changes takes up to limit differences out of dirty.
func (r *presenceRoom) changes(limit int) []change {
	var list []change
	for id := range r.dirty {
		if len(list) == limit {
			break
		}
		delete(r.dirty, id)
		h := r.sessions[id]
		if h == nil {
			continue
		}
		if op := h.op(); op != "" {
			list = append(list, change{op, id, h.called().now, h.called().was})
		} else if !h.present() {
			delete(r.sessions, id) // came and went before anyone was told
		}
	}
	if len(r.dirty) == 0 {
		r.dirty = make(map[string]struct{}) // a map keeps the room of a herd
	}
	return list
}

// done notes what Redis has been told.
func (r *presenceRoom) done(list []change) {
	for _, c := range list {
		h := r.sessions[c.session]
		if h == nil {
			continue
		}
		r.alter(h, func(h *held) { h.tell(c.op != "leave", c.name) })
		if h.op() != "" {
			r.dirty[c.session] = struct{}{} // it changed meanwhile
		} else if !h.present() {
			delete(r.sessions, c.session)
		}
	}
}

// undone puts back what Redis could not be told.
func (r *presenceRoom) undone(list []change) {
	for _, c := range list {
		r.dirty[c.session] = struct{}{}
	}
}

// forgotten says that Redis lost its data: everyone is to be registered again.
func (r *presenceRoom) forgotten() {
	r.lost = true
	for id, h := range r.sessions {
		if h.told {
			r.alter(h, func(h *held) { h.told = false })
			r.dirty[id] = struct{}{}
		}
	}
}

// anyTold reports whether Redis should have this instance registered.
func (r *presenceRoom) anyTold() bool {
	for _, h := range r.sessions {
		if h.told {
			return true
		}
	}
	return false
}
