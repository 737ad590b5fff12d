package api

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"causette/chat"
	"causette/store"
)

// identity is what a session is told of itself.
type identity struct {
	chat.Person
	Token string `json:"token"`
}

// postNickname gives the session a nickname, making a session where there is
// none: 200 with the token, which browsers get as a cookie too.
func (a *API) postNickname(c *gin.Context) error {
	f, err := readFields(c.Request, "nickname", "room", "nonce")
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
	nonce, errNonce := chat.ParseNonce(f["nonce"])
	if err := errors.Join(errName, errRoom, errNonce); err != nil {
		return identity{}, err
	}
	s, err := a.session(c)
	if err != nil {
		return identity{}, err
	}
	if err := a.o.Store.AllowSession(c.Request.Context(), a.owner(c)); err != nil {
		return identity{}, err
	}
	named, err := a.rename(c, s, nickname, nonce)
	if errors.Is(err, chat.ErrSessionEnded) && !s.bearer {
		s = session{} // such a cookie counts for none
		named, err = a.rename(c, s, nickname, nonce)
	}
	if err != nil {
		return identity{}, err
	}
	return a.introduce(c, room, named, s.Nickname)
}

// rename is the session under its next nickname, or a new one if there is none.
func (a *API) rename(c *gin.Context, s session, next chat.Nickname, nonce chat.Nonce) (session, error) {
	ctx, was := c.Request.Context(), s.Nickname
	s.Nickname = next
	if s.ID == "" {
		s.ID, s.token = newPersonID(), store.NewToken()
		return s, a.o.Store.Claim(ctx, s.ID, next)
	}
	token, err := a.o.Store.ChangeNickname(ctx, store.NicknameChange{
		Session: s.ID, Token: s.token, Was: was, Now: next, Nonce: nonce,
	})
	s.token = token
	return s, err
}

// introduce tells the rooms of a session's nickname, and the session of its token.
func (a *API) introduce(c *gin.Context, room chat.RoomID, s session, was chat.Nickname) (identity, error) {
	ctx := c.Request.Context()
	if was != s.Nickname {
		a.chargeMore(c, a.o.Store.RoomsOf(s.ID)) // each of them is told
		if err := a.o.Store.Rename(ctx, room, s.Person, was); err != nil {
			return identity{}, err
		}
	}
	token, err := a.sessions.sign(ctx, s.Person, s.token)
	if err != nil {
		return identity{}, err
	}
	a.keep(c, token)
	if cookieCounts(c.Request) {
		remember(c, nicknameCookie, string(s.Nickname))
	}
	return identity{Person: s.Person, Token: token}, nil
}
