package store

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// checkNames sees to it that the posts of a group may use their nicknames, and their
// tokens count, before append.lua: in a Cluster both lie in other slots than the room.
// It returns those that may; the others are answered.
func (s *Store) checkNames(ctx context.Context, group []*landing) []*landing {
	pipe := s.clients.posts.Pipeline()
	holders, tokens := make([]*redis.StringCmd, len(group)), make([]*redis.SliceCmd, len(group))
	for i, l := range group {
		if l.must != nameChecked && l.post.Session != "" {
			tokens[i] = pipe.HMGet(ctx, s.keys.tokens(l.post.Session), l.post.Token.fields()...)
		}
		switch name := s.keys.name(l.post.Message.Author.Nickname); l.must {
		case nameFree:
			holders[i] = pipe.Get(ctx, name)
		case nameHeld:
			holders[i] = pipe.GetEx(ctx, name, nameTTL)
		}
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	checked := group[:0]
	for i, l := range group {
		if l.must != nameChecked {
			if err := s.mayPost(ctx, l.post, tokens[i], holders[i]); err != nil {
				l.done <- landed{err: err}
				continue
			}
			l.must = nameChecked
		}
		checked = append(checked, l)
	}
	return checked
}

// mayPost is nil if a post's token counts and it may use its nickname, seen what is known
// of its session's tokens (nil where it has no session), and who holds the nickname.
func (s *Store) mayPost(ctx context.Context, p Post, tokens *redis.SliceCmd, held *redis.StringCmd) error {
	if tokens != nil {
		fields, err := tokens.Result()
		if err := s.failed(ctx, "check token", err); err != nil {
			return err
		}
		if err := p.Token.check(fields); err != nil {
			return err
		}
	}
	holder, err := held.Result()
	switch {
	case errors.Is(err, redis.Nil) && p.Guest:
		return nil
	case errors.Is(err, redis.Nil), err == nil && holder != p.Session:
		return errNotHeld
	default:
		return s.failed(ctx, "check nickname", err)
	}
}
