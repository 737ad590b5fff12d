package api

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"causette/chat"
)

// identity is what a session is told of itself.
type identity struct {
	chat.Person
	Token string `json:"token"`
}

// postNickname gives the session a nickname, making a session where there is
// none: 200 with the token, which browsers get as a cookie too.
func (a *API) postNickname(c *gin.Context) error {
	f, err := readFields(c.Request, "nickname", "room")
	var who identity
	if err == nil {
		who, err = a.enter(c, f)
	}
	tellLimit(c, err)
	if wantsPage(c.Request) {
		return a.comeBack(c, f, err)
	}
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, who)
	return nil
}

func (a *API) enter(c *gin.Context, f fields) (identity, error) {
	nickname, errName := chat.ParseNickname(f["nickname"])
	room, errRoom := chat.ParseRoomID(f["room"])
	if err := errors.Join(errName, errRoom); err != nil {
		return identity{}, err
	}
	s, err := a.session(c)
	if err != nil {
		return identity{}, err
	}
	if err := a.o.Store.AllowSession(c.Request.Context(), limitedAddress(c.ClientIP())); err != nil {
		return identity{}, err
	}
	if s.ID == "" {
		s.ID = newPersonID()
	}
	who, err := a.rename(c, room, s.Person, nickname)
	if err != nil {
		return identity{}, err
	}
	token, err := a.sessions.sign(c.Request.Context(), who)
	if err != nil {
		return identity{}, err
	}
	a.keep(c, token)
	remember(c, nicknameCookie, string(who.Nickname))
	return identity{Person: who, Token: token}, nil
}

// rename moves who from one nickname to the next, and tells the rooms.
func (a *API) rename(c *gin.Context, room chat.RoomID, who chat.Person, next chat.Nickname) (chat.Person, error) {
	ctx, was := c.Request.Context(), who.Nickname
	who.Nickname = next
	if err := a.o.Store.Claim(ctx, who.ID, next); err != nil {
		return who, err
	}
	if was == next {
		return who, nil
	}
	return who, a.o.Store.Rename(ctx, room, who, was)
}
