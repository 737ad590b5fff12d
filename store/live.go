package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"causette/chat"
)

// typingEvery is how often a session is announced as typing, in all of a room's
// instances; whoever asks for more is not wrong, only not repeated.
const typingEvery = 2 * time.Second

// PublishLive announces an event that no log keeps, like typing.
func (s *Store) PublishLive(ctx context.Context, room chat.RoomID, e chat.Event) error {
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	return s.failed(ctx, "publish", s.publish(call, room, "\n"+string(e.Kind)+"\n"+string(e.Data)))
}

// Typing announces that somebody at an address is writing, unless that was said a moment
// ago. Everybody in the room is told, so it counts for the address as a message does: too
// many are [*chat.RateLimited].
func (s *Store) Typing(ctx context.Context, room chat.RoomID, who chat.Person, address string) error {
	if err := s.limits.addresses.allow(address); err != nil {
		return err
	}
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	news, err := s.client.SetNX(call, s.keys.typing(room, who.ID), 1, typingEvery).Result()
	if err := s.failed(ctx, "note typing", err); err != nil || !news {
		return err
	}
	s.charge(ctx, s.limits.addresses, address, 1)
	data, err := json.Marshal(chat.Typing{Who: who})
	if err != nil {
		return fmt.Errorf("encode typing: %w", err)
	}
	return s.PublishLive(ctx, room, chat.Event{Kind: chat.KindTyping, Data: data})
}
