package store

import (
	"time"

	"causette/chat"
)

// held is one session in one room, as this instance knows it. What Redis was
// told last is compared with what is so now; the difference is what to tell it.
type held struct {
	streams  int           // open here
	leaving  bool          // none is, and LEAVE_DELAY is running
	since    int           // counts the leaves, so that an old timer is told from the last
	nickname chat.Nickname // now
	was      chat.Nickname // before the rename that Redis has not been told of

	told     bool          // Redis counts it here
	toldName chat.Nickname // under this name
}

func (h *held) present() bool { return h.streams > 0 || h.leaving }

// op is what presence.lua is to do about the session, or "" for nothing.
func (h *held) op() string {
	switch {
	case h.present() && !h.told:
		return "join"
	case !h.present() && h.told:
		return "leave"
	case h.told && h.nickname != h.toldName:
		return "rename"
	default:
		return ""
	}
}

// presenceRoom is one room's presence on this instance. presence.mu guards it.
type presenceRoom struct {
	followed bool // the feed hears the room, so that seen is current
	sessions map[string]*held
	// dirty are the sessions that Redis may have to be told of.
	dirty map[string]struct{}
	// telling is what Redis is being told right now.
	telling []change

	// counts are the room's, as last heard; heard counts how often that was from
	// the feed, which is always newer than the reply to a script begun before.
	counts chat.Presence
	heard  int

	unsure     bool      // counts may have changed unheard: have them announced
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
	return !r.followed && !r.queued && len(r.sessions) == 0
}

// participants is how many there are, counting those here that the last count
// does not know of yet.
func (r *presenceRoom) participants() chat.Presence {
	p := r.counts
	count := func(id string) {
		h := r.sessions[id]
		if h == nil || h.op() != "join" {
			return
		}
		p.Participants++
		if h.nickname != "" {
			p.Named++
		}
	}
	for id := range r.dirty {
		count(id)
	}
	for _, c := range r.telling {
		if _, counted := r.dirty[c.session]; !counted {
			count(c.session)
		}
	}
	return p
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
			list = append(list, change{op, id, h.nickname, h.was})
		} else if !h.present() {
			delete(r.sessions, id) // came and went before anyone was told
		}
	}
	r.telling = list
	return list
}

// done notes what Redis has been told.
func (r *presenceRoom) done(list []change) {
	r.telling = nil
	for _, c := range list {
		h := r.sessions[c.session]
		if h == nil {
			continue
		}
		h.told, h.toldName = c.op != "leave", c.name
		if h.nickname == c.name {
			h.was = ""
		}
		if h.op() != "" {
			r.dirty[c.session] = struct{}{} // it changed meanwhile
		} else if !h.present() {
			delete(r.sessions, c.session)
		}
	}
}

// undone puts back what Redis could not be told.
func (r *presenceRoom) undone(list []change) {
	r.telling = nil
	for _, c := range list {
		r.dirty[c.session] = struct{}{}
	}
}

// forgotten says that Redis lost its data: everyone is to be registered again.
func (r *presenceRoom) forgotten() {
	r.lost = true
	for id, h := range r.sessions {
		if h.told {
			h.told = false
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
