package chat

import (
	"errors"
	"fmt"
	"time"
)

// Invalid says that an input is not what it must be. Code is stable and meant
// for programs; Detail is one English sentence for people; Field names the input
// ("text", "nickname", "room", "nonce", …).
type Invalid struct {
	Field  string
	Code   string
	Detail string
}

func (e *Invalid) Error() string { return fmt.Sprintf("%s: %s", e.Field, e.Detail) }

// NicknameTaken says that another session holds the nickname. Suggestion is a
// free one near it, or empty where none was found.
type NicknameTaken struct {
	Nickname   Nickname
	Suggestion Nickname
}

func (e *NicknameTaken) Error() string {
	return fmt.Sprintf("nickname %q is held by another session", string(e.Nickname))
}

// RateLimited says that the sender has to wait before the same request can pass.
type RateLimited struct {
	RetryAfter time.Duration
	// Policy is the name of the limit: "messages" (of a sender), "address" (messages of an
	// address), "storage" (their bytes, by the day), "rooms" (new ones of an address), "nicknames", "streams", "requests" (units
	// of an address). It lets Quota pass in each Window.
	Policy string
	Quota  int
	Window time.Duration
}

func (e *RateLimited) Error() string {
	return fmt.Sprintf("rate limited (%s): retry after %s", e.Policy, e.RetryAfter)
}

var (
	// ErrNonceReused says that the nonce came before with another text.
	ErrNonceReused = errors.New("nonce already used for another text")

	// ErrNicknameGivenUp says that the session has taken another nickname since.
	ErrNicknameGivenUp = errors.New("the session gave this nickname up")

	// ErrSessionEnded says that the token counts no more: it was ended, or the session
	// took another nickname with a newer one.
	ErrSessionEnded = errors.New("the session's token was ended")

	// ErrSessionRenewed is the ErrSessionEnded of a token that a newer one replaced a
	// moment ago: its owner may not have that one yet.
	ErrSessionRenewed = fmt.Errorf("%w: a newer one replaced it", ErrSessionEnded)

	// ErrUnavailable says that Redis could not be reached, or did not answer in
	// time. It is not known whether the command took effect; a nonce makes
	// repeating it safe.
	ErrUnavailable = errors.New("redis is unavailable")

	// ErrStorageFull is an [ErrUnavailable]: Redis has no memory left to store anything.
	// The command took no effect. Reading goes on.
	ErrStorageFull = fmt.Errorf("%w: its memory is full", ErrUnavailable)

	// ErrBusy is an [ErrUnavailable]: too much of this kind was under way, so that Redis
	// was not asked. Nothing took effect.
	ErrBusy = fmt.Errorf("%w: too much is asked of it at once", ErrUnavailable)
)
