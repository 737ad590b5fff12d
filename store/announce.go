package store

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

// What a room hears is published on its channel. A Cluster passes on a PUBLISH to all
// of its nodes; a SPUBLISH stays among those that have the room's slot, and is what is
// used where there is one. Whether there is, is asked of the server that has the slot, and
// of it alone: by announce.lua each time, which runs there, and by the feed for each
// connection, since a server does not become another one while its connections last. So
// who announces and who listens agree, though nobody told either.

// publishVerb is what announce.lua is called with.
func (s *Store) publishVerb() string {
	if s.cluster != nil {
		return "SPUBLISH"
	}
	return "PUBLISH"
}

// publish does what announce.lua does, where there is no script.
func (s *Store) publish(ctx context.Context, room chat.RoomID, payload string) error {
	channel := s.keys.channel(room)
	if s.cluster != nil {
		err := s.client.SPublish(ctx, channel, payload).Err()
		if !redis.HasErrorPrefix(err, "unknown command") {
			return err
		}
	}
	return s.client.Publish(ctx, channel, payload).Err()
}

// hasSPublish reports whether a node has SPUBLISH.
func (s *Store) hasSPublish(ctx context.Context, node redis.UniversalClient) (bool, error) {
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	about, err := node.Do(call, "COMMAND", "INFO", "SPUBLISH").Slice()
	if err != nil {
		return false, fmt.Errorf("ask for SPUBLISH: %w", err)
	}
	return len(about) == 1 && about[0] != nil, nil
}
