package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

const secretBytes = 32

// Secret is the key that signs sessions, the same for every instance: the first
// to ask makes it. An embedded Redis forgets it with everything else.
func (s *Store) Secret(ctx context.Context) ([]byte, error) {
	fresh := make([]byte, secretBytes)
	_, _ = rand.Read(fresh) // it never fails
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	if err := s.client.SetNX(call, s.keys.secret(), hex.EncodeToString(fresh), 0).Err(); err != nil {
		return nil, s.failed(ctx, "make session secret", err)
	}
	kept, err := s.client.Get(call, s.keys.secret()).Result()
	if err := s.failed(ctx, "read session secret", err); err != nil {
		return nil, err
	}
	secret, err := hex.DecodeString(kept)
	if err != nil || len(secret) < secretBytes {
		return nil, fmt.Errorf("read session secret: %s holds something else", s.keys.secret())
	}
	return secret, nil
}
