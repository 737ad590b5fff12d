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
	if err := s.offerSecret(ctx, hex.EncodeToString(fresh)); err != nil {
		return nil, err
	}
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	kept, err := s.client.Get(call, s.keys.secret()).Result()
	if err := s.failed(ctx, "read session secret", err); err != nil {
		return nil, err
	}
	secret, err := hex.DecodeString(kept)
	if err != nil || len(secret) < secretBytes {
		return nil, fmt.Errorf("read session secret: %s holds something else", s.keys.secret())
	}
	s.secret.Store(&kept)
	return secret, nil
}

// offerSecret makes a key the one that instances share, unless there is one.
func (s *Store) offerSecret(ctx context.Context, secret string) error {
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	return s.failed(ctx, "make session secret", s.client.SetNX(call, s.keys.secret(), secret, 0).Err())
}

// restoreSecret gives a Redis that lost its data the key that this instance signs
// with, so that instances that start from now on have the same.
func (s *Store) restoreSecret(ctx context.Context) {
	if secret := s.secret.Load(); secret != nil {
		if err := s.offerSecret(ctx, *secret); err != nil && ctx.Err() == nil {
			s.o.Log.Warn("session secret not restored", "error", err)
		}
	}
}
