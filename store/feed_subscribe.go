package store

import (
	"context"
	"slices"
)

// subscribeChunk is how many channels one SUBSCRIBE names at most.
const subscribeChunk = 500

// subscribe brings the connection's channels in line with the link's rooms.
func (s *session) subscribe(ctx context.Context) error {
	subscribe, unsubscribe, chunkSize := s.pubsub.Subscribe, s.pubsub.Unsubscribe, subscribeChunk
	if s.sharded {
		// One SSUBSCRIBE names channels of one slot only.
		subscribe, unsubscribe, chunkSize = s.pubsub.SSubscribe, s.pubsub.SUnsubscribe, 1
	}
	on, off := s.changes()
	for chunk := range slices.Chunk(off, chunkSize) {
		if err := unsubscribe(ctx, chunk...); err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(on, chunkSize) {
		if err := subscribe(ctx, chunk...); err != nil {
			return err
		}
	}
	return nil
}

// changes is what to subscribe and what to unsubscribe, the latter first. A room that
// was unfollowed and followed again before anyone looked begins at once: its
// subscription was never given up.
func (s *session) changes() (on, off []string) {
	f := s.l.f
	f.mu.Lock()
	defer f.mu.Unlock()
	for room := range s.l.changed {
		channel := f.s.keys.channel(room)
		if s.l.rooms[room] == nil && s.channels.want(channel, false) {
			off = append(off, channel)
		}
	}
	for room := range s.l.changed {
		channel := f.s.keys.channel(room)
		switch r := s.l.rooms[room]; {
		case r == nil:
		case s.channels.want(channel, true):
			on = append(on, channel)
		case s.channels.active(channel):
			f.begin(r)
		}
	}
	clear(s.l.changed)
	return on, off
}
