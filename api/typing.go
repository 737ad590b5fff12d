package api

import (
	"encoding/json"
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
	data, err := json.Marshal(chat.Typing{Who: s.Person})
	if err != nil {
		return err
	}
	err = a.o.Store.PublishLive(c.Request.Context(), room, chat.Event{Kind: chat.KindTyping, Data: data})
	if _, limited := errors.AsType[*chat.RateLimited](err); err != nil && !limited {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
