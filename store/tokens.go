package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"causette/chat"
)

const (
	// maxEnded bounds how many of a session's tokens are remembered as ended by
	// themselves, there about: past it, to end one ends all.
	maxEnded = 64
	// renewedLately is for how long a token counts as ended by a rename just now.
	renewedLately = time.Minute
)

var (
	tokenRenewScript = lua("clock", "token", "token_renew")
	tokenEndScript   = lua("clock", "token", "token_end")
)

// Token is which of its session's tokens one is. An older version's has generation
// 0 and no ID.
type Token struct {
	// Generation counts up, by time, with each nickname that the session takes; a
	// token of an older one than the session's is ended.
	Generation int64
	// ID tells it from others of its generation.
	ID string
}

// NewToken is the first token of a new session.
func NewToken() Token { return Token{ID: newTokenID()} }

func newTokenID() string { return rand.Text()[:16] }

// CheckToken is nil if a token counts, else [chat.ErrSessionEnded]; it is
// [chat.ErrSessionRenewed] if a rename ended it within the last minute.
func (s *Store) CheckToken(ctx context.Context, session string, t Token) error {
	if err := s.away(); err != nil {
		return s.failed(ctx, "check token", err) // who may do without does not wait
	}
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	found, err := s.client.HMGet(call, s.keys.tokens(session), t.fields()...).Result()
	if err != nil {
		return s.failedRead(ctx, "check token", err)
	}
	return t.check(found)
}

// fields are those of the session's tokens that say whether this one counts.
func (t Token) fields() []string { return []string{"generation", "ended:" + t.ID} }

// check says what [Token.fields] mean, as token.lua does.
func (t Token) check(found []any) error {
	text, _ := found[0].(string)
	generation, _ := strconv.ParseInt(text, 10, 64) // 0 where none is set
	switch {
	case found[1] != nil:
		return chat.ErrSessionEnded
	case t.Generation >= generation:
		return nil
	case time.Since(time.UnixMilli(generation)) < renewedLately:
		return chat.ErrSessionRenewed
	default:
		return chat.ErrSessionEnded
	}
}

// NicknameChange is a session's request for a nickname.
type NicknameChange struct {
	Session string
	// Token asks for it, and names the nickname Was; empty if the session has none.
	Token    Token
	Was, Now chat.Nickname
	// Nonce is the sender's. The same request with the same nonce, sent again because
	// its answer was lost, is answered alike for 10 minutes, though it ended its token.
	Nonce chat.Nonce
}

// ChangeNickname is [Store.Claim] for a session that has a token, and returns the
// token that it has from then on: every older one is ended, unless the nickname is
// the same as before. Of two changes at once with one token, one is made. A token
// that is ended is [chat.ErrSessionEnded], and changes nothing.
func (s *Store) ChangeNickname(ctx context.Context, c NicknameChange) (Token, error) {
	if c.Nonce == "" {
		c.Nonce = chat.Nonce("~" + rand.Text()) // go-redis may send a command twice; no sender's nonce has a ~
	}
	next := newTokenID()
	r, err := s.renew(ctx, "look", next, c)
	if err != nil {
		return Token{}, err
	}
	if !r.done {
		if err := s.claim(ctx, c.Session, c.Now); err != nil {
			return Token{}, err
		}
		r, err = s.renew(ctx, "renew", next, c)
	}
	if errors.Is(err, chat.ErrSessionEnded) && r.last != c.Now.Key() { // by another change, at the same time
		err = errors.Join(err, s.release(ctx, c.Session, c.Now.Key()))
	}
	if err == nil && r.last != "" {
		err = s.release(ctx, c.Session, r.last)
	}
	return r.token, err
}

// renewal is what token_renew.lua answers.
type renewal struct {
	done  bool
	token Token
	// last is the nickname, by its key, that the session gives up; or, if the token
	// is ended, the one that it has.
	last string
}

func (s *Store) renew(ctx context.Context, how, next string, c NicknameChange) (renewal, error) {
	same := 0
	if c.Was == c.Now {
		same = 1
	}
	v, err := s.run(ctx, "renew session", tokenRenewScript, []string{s.keys.tokens(c.Session), s.keys.session(c.Session)},
		how, c.Token.Generation, c.Token.ID, next, string(c.Nonce), c.Now.Key(), same,
		int(chat.SessionLife.Seconds()), nonceTTL.Milliseconds())
	if err != nil {
		return renewal{}, err
	}
	r := newReply(v)
	switch verdict := r.text(); verdict {
	case "counts":
		return renewal{}, nil
	case "ended":
		return renewal{last: r.text()}, or(r.err, chat.ErrSessionEnded)
	case "renewed":
		return renewal{done: true, token: Token{Generation: r.number(), ID: r.text()}, last: r.text()}, r.err
	default:
		return renewal{}, fmt.Errorf("renew session: reply %q: %w", verdict, r.err)
	}
}

// EndSession ends a token, or all tokens of its session, and gives up the nickname
// that the session holds: another of its tokens that counts takes it back when it is
// used. A token that is ended already is [chat.ErrSessionEnded].
func (s *Store) EndSession(ctx context.Context, session string, t Token, all bool) error {
	every := 0
	if all {
		every = 1
	}
	v, err := s.run(ctx, "end session", tokenEndScript, []string{s.keys.tokens(session), s.keys.session(session)},
		t.Generation, t.ID, every, rand.Text(), int(chat.SessionLife.Seconds()), maxEnded)
	if err != nil {
		return err
	}
	r := newReply(v)
	if r.text() == "refused" {
		return chat.ErrSessionEnded
	}
	if last := r.text(); last != "" {
		return s.release(ctx, session, last)
	}
	return r.err
}
