package api

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"causette/chat"
)

// postTyping tells a room that the session is writing: 204. It is live only,
// and costs nobody anything when it is lost.
func (a *API) postTyping(c *gin.Context) error {
	f, err := readFields(c.Request, "room")
	if err != nil {
		return err
	}
	room, err := chat.ParseRoomID(f["room"])
	if err != nil {
		return err
	}
	s, err := a.session(c)
	if err != nil {
		return err
	}
	if s.Nickname == "" {
		return nicknameRequired()
	}
	err = a.o.Store.Hold(c.Request.Context(), s.ID, s.token, s.Nickname)
	if errors.Is(err, chat.ErrSessionEnded) && !s.bearer {
		return nicknameRequired() // such a cookie counts for none
	}
	if err != nil {
		return err
	}
	if err := a.o.Store.Typing(c.Request.Context(), room, s.Person, a.owner(c)); err != nil {
		tellLimit(c, err)
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
