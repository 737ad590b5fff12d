package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"causette/chat"
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

// author is who speaks in a request, and the name that limits are kept under. A
// session speaks under the nickname it holds; without one, a request may bring a
// nickname along, which claims nothing.
func (a *API) author(c *gin.Context, s session, given string) (who chat.Person, counted string, err error) {
	ctx := c.Request.Context()
	if given == "" {
		if s.Nickname == "" {
			return who, "", nicknameRequired()
		}
		return s.Person, s.ID, a.o.Store.Hold(ctx, s.ID, s.Nickname)
	}
	nickname, err := chat.ParseNickname(given)
	if err != nil {
		return who, "", err
	}
	if s.Nickname != "" {
		if s.Nickname != nickname {
			return who, "", fieldProblem(http.StatusConflict, "nickname", "nickname_differs",
				"this session has another nickname; POST /nicknames changes it")
		}
		return s.Person, s.ID, a.o.Store.Hold(ctx, s.ID, s.Nickname)
	}
	return a.guest(ctx, nickname, limitedAddress(c.ClientIP()), s.ID)
}

// origin is the address that a stream counts under. What a trusted proxy asks
// without saying for whom is not counted: it may say whatever address it likes
// anyway, and it may be everybody's.
func (a *API) origin(c *gin.Context) string {
	ip := c.ClientIP()
	if ip == c.RemoteIP() && a.trusted.contain(ip) {
		return ""
	}
	return limitedAddress(ip)
}

// guest is somebody who brings a nickname along. The author's id depends on the
// nickname too, so that two people behind one address are told apart; what is
// counted is the address alone, so that changing the nickname lifts no limit.
func (a *API) guest(ctx context.Context, nickname chat.Nickname, address, sessionID string) (who chat.Person, counted string, err error) {
	if err := a.o.Store.Free(ctx, sessionID, nickname); err != nil {
		return who, "", err
	}
	id, err := a.sessions.guestID(ctx, "author", nickname.Key(), address)
	if err != nil {
		return who, "", err
	}
	counted, err = a.sessions.guestID(ctx, "address", address)
	return chat.Person{ID: id, Nickname: nickname}, counted, err
}

func nicknameRequired() error {
	return fieldProblem(http.StatusUnprocessableEntity, "nickname", "nickname_required",
		"a nickname is needed first: POST /nicknames, or send one along")
}

// keep gives the browser a session's token. It stands before the body is written.
func (a *API) keep(c *gin.Context, token string) {
	http.SetCookie(c.Writer, a.sessions.cookie(c.Request, a.trusted.isSecure(c.Request), token))
}
