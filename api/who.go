package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"causette/chat"
	"causette/store"
)

// session is the session of a request; the zero one if it has none.
func (a *API) session(c *gin.Context) (session, error) {
	return a.sessions.of(c.Request, a.trusted.isSecure(c.Request))
}

// reader is session for what needs no session: while the key cannot be had, a
// cookie counts for none, so that reading goes on without Redis.
func (a *API) reader(c *gin.Context) (session, error) {
	s, err := a.session(c)
	if errors.Is(err, chat.ErrUnavailable) {
		return session{}, nil
	}
	return s, err
}

// speaker is who speaks in a request: what of a post depends on it. A session
// speaks under the nickname that it has; without one, a request may bring a
// nickname along, which claims nothing.
func (a *API) speaker(c *gin.Context, s session, given string) (store.Post, error) {
	if given == "" && s.Nickname == "" {
		return store.Post{}, nicknameRequired()
	}
	if given == "" {
		return bySession(s), nil
	}
	nickname, err := chat.ParseNickname(given)
	switch {
	case err != nil:
		return store.Post{}, err
	case s.Nickname == "":
		return a.byGuest(c.Request.Context(), nickname, a.owner(c), s.ID)
	case s.Nickname != nickname:
		return store.Post{}, fieldProblem(http.StatusConflict, "nickname", "nickname_differs",
			"this session has another nickname; POST /nicknames changes it")
	default:
		return bySession(s), nil
	}
}

// owner is whom a request counts for: see [trustedProxies.owner].
func (a *API) owner(c *gin.Context) string { return a.trusted.owner(c.Request) }

func bySession(s session) store.Post {
	return store.Post{Session: s.ID, Who: s.ID, Message: chat.Message{Author: s.Person}}
}

// byGuest is by somebody who brings a nickname along. The author's id depends on
// the nickname too, so that two people behind one address are told apart; what is
// counted is the address alone, so that changing the nickname lifts no limit.
func (a *API) byGuest(ctx context.Context, nickname chat.Nickname, address, sessionID string) (store.Post, error) {
	id, err := a.sessions.guestID(ctx, "author", nickname.Key(), address)
	if err != nil {
		return store.Post{}, err
	}
	counted, err := a.sessions.guestID(ctx, "address", address)
	return store.Post{
		Session: sessionID, Guest: true, Who: counted,
		Message: chat.Message{Author: chat.Person{ID: id, Nickname: nickname}},
	}, err
}

func nicknameRequired() error {
	return fieldProblem(http.StatusUnprocessableEntity, "nickname", "nickname_required",
		"a nickname is needed first: POST /nicknames, or send one along")
}

// keep gives the browser a session's token. It stands before the body is written.
// A page of another origin can't have one set or replaced.
func (a *API) keep(c *gin.Context, token string) {
	if !cookieCounts(c.Request) {
		return
	}
	http.SetCookie(c.Writer, a.sessions.cookie(c.Request, a.trusted.isSecure(c.Request), token))
}
