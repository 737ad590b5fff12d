package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rivo/uniseg"

	"causette/chat"
)

// nameTTL is how long a nickname is held after its last use.
const nameTTL = 24 * time.Hour

var (
	claimScript   = lua("claim")
	releaseScript = lua("release")
)

// Claim makes session the holder of a nickname, or renews its hold. Two nicknames
// with the same key are the same. Held by another session, it is
// [*chat.NicknameTaken] with a free one near it.
func (s *Store) Claim(ctx context.Context, session string, n chat.Nickname) error {
	v, err := s.run(ctx, "claim nickname", claimScript, []string{s.keys.name(n)}, session, int(nameTTL.Seconds()))
	if err != nil {
		return err
	}
	if holder, _ := v.(string); holder == session {
		return nil
	}
	free, err := s.suggest(ctx, n)
	if err != nil {
		return err
	}
	return &chat.NicknameTaken{Nickname: n, Suggestion: free}
}

// Holder is the session that holds a nickname, or "" if it is free.
func (s *Store) Holder(ctx context.Context, n chat.Nickname) (string, error) {
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	holder, err := s.client.Get(call, s.keys.name(n)).Result()
	return holder, s.failed(ctx, "look up nickname", err)
}

// Release gives a nickname up if session holds it.
func (s *Store) Release(ctx context.Context, session string, n chat.Nickname) error {
	_, err := s.run(ctx, "release nickname", releaseScript, []string{s.keys.name(n)}, session)
	return err
}

// suggest finds a free nickname near a taken one: n2 … n9, then a few with random
// numbers. It is "" if all of them are held.
func (s *Store) suggest(ctx context.Context, n chat.Nickname) (chat.Nickname, error) {
	var candidates []chat.Nickname
	for i := 2; i <= 17; i++ {
		number := i
		if i > 9 {
			number = 10 + rand.IntN(9990)
		}
		if c, ok := numbered(n, number); ok {
			candidates = append(candidates, c)
		}
	}
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	pipe := s.client.Pipeline()
	held := make([]*redis.IntCmd, len(candidates))
	for i, c := range candidates {
		held[i] = pipe.Exists(call, s.keys.name(c))
	}
	if _, err := pipe.Exec(call); err != nil {
		return "", s.failed(ctx, "suggest nickname", err)
	}
	for i, c := range candidates {
		if held[i].Val() == 0 {
			return c, nil
		}
	}
	return "", nil
}

// numbered puts a number behind a nickname, shortening it where it would get too
// long; not every script takes one, so the result may be none.
func numbered(n chat.Nickname, number int) (chat.Nickname, bool) {
	tail, base := strconv.Itoa(number), string(n)
	for base != "" {
		c, err := chat.ParseNickname(base + tail)
		if err == nil {
			return c, true
		}
		if invalid, ok := errors.AsType[*chat.Invalid](err); !ok || invalid.Code != "nickname_too_long" {
			return "", false
		}
		base = dropLast(base)
	}
	return "", false
}

// dropLast cuts the last grapheme off.
func dropLast(s string) string {
	last := 0
	for g := uniseg.NewGraphemes(s); g.Next(); {
		last, _ = g.Positions()
	}
	return s[:last]
}
