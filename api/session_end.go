package api

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"

	"causette/chat"
)

// postSessionEnd ends the token that is sent, or with it all others of its session:
// 204, and the browser's cookie is deleted. The nickname is given up. A session that has
// none has nothing that others could hold against it: of that, Redis remembers nothing, so
// that sessions that cost nothing leave nothing.
func (a *API) postSessionEnd(c *gin.Context) error {
	f, err := readFields(c.Request, "all", "room")
	if err == nil {
		err = a.endSession(c, f)
	}
	if wantsPage(c.Request) {
		return a.comeBack(c, f, err)
	}
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.Status(http.StatusNoContent)
	return nil
}

func (a *API) endSession(c *gin.Context, f fields) error {
	room, errRoom := chat.ParseRoomID(f["room"])
	all, errAll := parseFlag("all", f["all"])
	if err := errors.Join(errRoom, errAll); err != nil {
		return err
	}
	s, err := a.session(c)
	if err != nil || s.ID == "" {
		return err // there is nothing to end
	}
	if s.Nickname != "" {
		err = a.o.Store.EndSession(c.Request.Context(), s.ID, s.token, all)
		if err == nil {
			a.sayGone(c, room, s)
		}
	}
	if s, err = unlessEnded(s, err); err != nil {
		return err
	}
	if !s.bearer {
		a.keep(c, "")
	}
	return nil
}

// sayGone tells the rooms that a session has no nickname any more. Its token is ended by
// then, so a request that fails could not be repeated.
func (a *API) sayGone(c *gin.Context, room chat.RoomID, s session) {
	if err := a.o.Store.Rename(c.Request.Context(), room, chat.Person{ID: s.ID}, s.Nickname); err != nil {
		a.log.Warn("rooms not told of a nickname that was given up", slog.String("error", err.Error()))
	}
}

// parseFlag reads a field that is "true" or "false"; left out, it is false.
func parseFlag(field, value string) (bool, error) {
	if value != "" && value != "true" && value != "false" {
		return false, &chat.Invalid{Field: field, Code: "invalid_flag", Detail: "true or false"}
	}
	return value == "true", nil
}
