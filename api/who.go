package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"causette/chat"
	"causette/store"
)

// session is the session of a request; the zero one if it has none. Whether its
// token was ended is not looked at: a store's call that takes the token sees to
// that, or activeSession.
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

// activeSession is reader, and looks whether the token counts still. While Redis is
// away, it does.
func (a *API) activeSession(c *gin.Context) (session, error) {
	s, err := a.reader(c)
	if err != nil || s.ID == "" {
		return s, err
	}
	err = a.o.Store.CheckToken(c.Request.Context(), s.ID, s.token)
	if errors.Is(err, chat.ErrUnavailable) {
		return s, nil
	}
	return unlessEnded(s, err)
}

// unlessEnded is a session, as far as a store's error leaves one: a bearer token
// that was ended is an error, since whoever sends one means it, and a cookie that
// was counts for none.
func unlessEnded(s session, err error) (session, error) {
	if errors.Is(err, chat.ErrSessionEnded) && !s.bearer {
		return session{replaced: errors.Is(err, chat.ErrSessionRenewed)}, nil
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
		return a.byGuest(c.Request.Context(), nickname, a.owner(c), s)
	case s.Nickname != nickname:
		return store.Post{}, fieldProblem(http.StatusConflict, "nickname", "nickname_differs",
			"this session has another nickname; POST /nicknames changes it")
	default:
		return bySession(s), nil
	}
}

// owner is whom a request counts for: see [trustedProxies.owner].
func (a *API) owner(c *gin.Context) string { return a.trusted.owner(c.Request) }

// tellOwner tells who bounds connections whose request one carries.
func (a *API) tellOwner(c *gin.Context) {
	if a.o.Owned != nil {
		a.o.Owned(c.Request, a.owner(c))
	}
}

func bySession(s session) store.Post {
	return store.Post{Session: s.ID, Token: s.token, Who: s.ID, Message: chat.Message{Author: s.Person}}
}

// byGuest is by somebody who brings a nickname along. The author's id depends on
// the nickname too, so that two people behind one address are told apart; what is
// counted is the address alone, so that changing the nickname lifts no limit.
func (a *API) byGuest(ctx context.Context, nickname chat.Nickname, address string, s session) (store.Post, error) {
	id, err := a.sessions.guestID(ctx, "author", nickname.Key(), address)
	if err != nil {
		return store.Post{}, err
	}
	counted, err := a.sessions.guestID(ctx, "address", address)
	return store.Post{
		Session: s.ID, Token: s.token, Guest: true, Who: counted,
		Message: chat.Message{Author: chat.Person{ID: id, Nickname: nickname}},
	}, err
}

func nicknameRequired() error {
	return fieldProblem(http.StatusUnprocessableEntity, "nickname", "nickname_required",
		"a nickname is needed first: POST /nicknames, or send one along")
}

// keep gives the browser a session's token; an empty one takes it from it. It stands before
// the body is written. A page of another origin can't have one set, replaced or deleted.
func (a *API) keep(c *gin.Context, token string) {
	if !cookieCounts(c.Request) {
		return
	}
	http.SetCookie(c.Writer, a.sessions.cookie(c.Request, a.trusted.isSecure(c.Request), token))
}
