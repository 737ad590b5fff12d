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
	holdScript    = lua("token", "hold")
	releaseScript = lua("release")
)

// Claim makes session the holder of a nickname, which is its only one from then
// on: what it held before is given up. Two nicknames with the same key are the
// same. Held by another session, it is [*chat.NicknameTaken] with a free one near it.
func (s *Store) Claim(ctx context.Context, session string, n chat.Nickname) error {
	if err := s.claim(ctx, session, n); err != nil {
		return err
	}
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	last, err := s.client.SetArgs(call, s.keys.session(session), n.Key(), redis.SetArgs{TTL: chat.SessionLife, Get: true}).Result()
	if err := s.failed(ctx, "note nickname", err); err != nil || last == "" || last == n.Key() {
		return err
	}
	return s.release(ctx, session, last)
}

func (s *Store) claim(ctx context.Context, session string, n chat.Nickname) error {
	v, err := s.run(ctx, "claim nickname", claimScript, []string{s.keys.name(n)}, session, int(nameTTL.Seconds()))
	if holder, _ := v.(string); err != nil || holder == session {
		return err
	}
	return s.taken(ctx, n)
}

// Hold is for each use of a nickname: it renews the session's hold. A name that
// nobody holds, since it was silent for long or Redis lost its data, is the
// session's again, unless it took another one meanwhile: then the token that
// still names this one is [chat.ErrNicknameGivenUp]. Held by another session, it
// is [*chat.NicknameTaken]. A token that is ended is [chat.ErrSessionEnded], and
// changes nothing.
func (s *Store) Hold(ctx context.Context, session string, t Token, n chat.Nickname) error {
	holder, err := s.renewHold(ctx, session, t, n)
	if err != nil || holder == session {
		return err
	}
	if holder != "" {
		return s.taken(ctx, n)
	}
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	last, err := s.client.Get(call, s.keys.session(session)).Result()
	if err := s.failed(ctx, "look up session", err); err != nil {
		return err
	}
	if last != "" && last != n.Key() {
		return chat.ErrNicknameGivenUp
	}
	return s.claim(ctx, session, n)
}

// renewHold runs hold.lua, which answers with who holds a nickname. In a Cluster the
// session's tokens lie in another slot, and are looked at before.
func (s *Store) renewHold(ctx context.Context, session string, t Token, n chat.Nickname) (string, error) {
	keys := []string{s.keys.name(n)}
	if s.cluster == nil {
		keys = append(keys, s.keys.tokens(session))
	} else if err := s.CheckToken(ctx, session, t); err != nil {
		return "", err
	}
	v, err := s.run(ctx, "hold nickname", holdScript, keys, session, int(nameTTL.Seconds()), t.Generation, t.ID)
	if err != nil {
		return "", err
	}
	if holder, ok := v.(string); ok {
		return holder, nil
	}
	return "", chat.ErrSessionEnded
}

func (s *Store) taken(ctx context.Context, n chat.Nickname) error {
	free, err := s.suggest(ctx, n)
	if err != nil {
		return err
	}
	return &chat.NicknameTaken{Nickname: n, Suggestion: free}
}

// release gives a nickname up, by its key, if session holds it.
func (s *Store) release(ctx context.Context, session, key string) error {
	_, err := s.run(ctx, "release nickname", releaseScript, []string{s.keys.nameOf(key)}, session)
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
