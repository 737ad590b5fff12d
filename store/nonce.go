package store

import (
	"context"
	"strings"

	"causette/chat"
)

// repeated answers a post from its nonce, if that is known, and else as limited says.
func (s *Store) repeated(ctx context.Context, p Post, limited error) (Receipt, error) {
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	known, err := s.client.Get(call, s.keys.nonce(p.Room, p.Message.Author.ID, string(p.Nonce))).Result()
	if err := s.failed(ctx, "look up nonce", err); err != nil || known == "" {
		return Receipt{}, or(err, limited)
	}
	parts := strings.SplitN(known, " ", 3) // id, digest, at
	if len(parts) != 3 || !strings.HasPrefix(string(identity(p.Message)), parts[1]+" ") {
		return Receipt{}, chat.ErrNonceReused
	}
	entries, err := s.client.XRange(call, s.keys.log(p.Room), parts[0], parts[0]).Result()
	if err := s.failed(ctx, "look up message", err); err != nil {
		return Receipt{}, err
	}
	payload := ""
	if len(entries) == 1 {
		payload, _ = entries[0].Values["e"].(string)
	}
	return duplicate(p.Message, &reply{items: []any{parts[0], parts[2], payload}})
}
