package store

import "causette/chat"

// What a room does with its log once somebody has read it.

// wanted says what to read of the log: its newest events if fresh, else those
// after a position. It is not ok if nothing is to be read any more.
func (r *feedRoom) wanted() (after chat.EventID, fresh, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mark = len(r.pending)
	r.overflow = false // what was dropped is in the log, which is read now
	return r.last, r.fresh, !r.over()
}

// over reports whether nobody need read the log any more, and then notes that nobody
// does. The caller, who did, holds mu.
func (r *feedRoom) over() bool {
	r.busy = !r.closed && r.phase == filling
	return !r.busy
}

// loaded takes the newest events of the log, and the position they end at. It
// reports whether the room is live; if not, wanted says what to read next.
func (r *feedRoom) loaded(events []chat.Event, head chat.EventID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over() {
		return true
	}
	for _, e := range events {
		r.sink.Receive(e)
	}
	r.fresh = false
	r.reach(head)
	return r.drain()
}

// filled takes what follows the position that wanted gave. It reports whether
// the room is live; if not, wanted says what to read next.
func (r *feedRoom) filled(p chat.Page) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over() {
		return true
	}
	if p.Gap {
		r.sink.Replace()
		r.fresh, r.last = true, chat.EventID{}
		return false
	}
	for _, e := range p.Events {
		if r.last.Adjoins(e.ID) {
			r.reach(e.ID)
			r.sink.Receive(e)
		}
	}
	return !p.More && r.drain()
}

// drain hands on what gathered while the log was read. What was announced before
// the reading was in what was read, or is of a log that is no more. The caller
// holds mu.
func (r *feedRoom) drain() bool {
	for i, e := range r.pending {
		if i < r.mark && e.Durable() {
			continue
		}
		if !r.place(e) {
			r.pending = r.pending[i:]
			return false
		}
	}
	r.pending, r.mark = nil, 0
	if r.overflow {
		return false
	}
	r.phase, r.busy = live, false
	r.settle(nil)
	if r.told {
		r.told = false
		r.sink.Receive(statusUp)
	}
	return true
}

// recall reports whether live-only events were dropped since it was last asked,
// so that what they told is to be told again.
func (r *feedRoom) recall() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	dropped := r.dropped
	r.dropped = false
	return dropped
}

// position is the id of the newest event that the sink has.
func (r *feedRoom) position() chat.EventID {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}
