package api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"causette/chat"
	"causette/templates"
)

// wantsPage reports whether a request is a browser going somewhere, as it does
// with a form of a page whose script does not run: such a one gets a page back.
func wantsPage(r *http.Request) bool {
	for accepted := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		media, _, _ := strings.Cut(accepted, ";")
		if strings.TrimSpace(media) == "text/html" {
			return true
		}
	}
	return false
}

// roomPath is where a room's page is.
func roomPath(room chat.RoomID) string {
	if room == chat.Lobby {
		return "/"
	}
	return "/rooms/" + string(room)
}

// comeBack answers a form with the room's page: on success by the way there, so
// that a reload sends nothing again, else as it is now, with the problem and
// what was written in it.
func (a *API) comeBack(c *gin.Context, f fields, err error) error {
	room, errRoom := chat.ParseRoomID(f["room"])
	if errRoom != nil {
		room = chat.Lobby
	}
	if err != nil {
		return a.problemPage(c, room, f, err)
	}
	c.Header("Cache-Control", "no-store")
	c.Redirect(http.StatusSeeOther, roomPath(room))
	return nil
}

// problemPage is a room's page with a problem in it, and the problem's status.
func (a *API) problemPage(c *gin.Context, room chat.RoomID, f fields, err error) error {
	p := asProblem(err)
	if p.retryAfter > 0 {
		c.Header("Retry-After", strconv.Itoa(wholeSeconds(p.retryAfter)))
	}
	return a.servePage(c, room, p.Status, templates.Form{
		Code: p.Code, Detail: p.Detail, Suggestion: p.Suggestion, Names: c.FullPath() == "/nicknames",
		Text: f["text"], Nickname: f["nickname"], Room: f["wanted"],
	})
}

// goToRoom answers the form that asks for a room by its name.
func (a *API) goToRoom(c *gin.Context) error {
	wanted := strings.ToLower(strings.TrimSpace(c.Query("room")))
	room, err := chat.ParseRoomID(wanted)
	if err != nil {
		return a.problemPage(c, chat.Lobby, fields{"wanted": wanted}, err)
	}
	c.Redirect(http.StatusSeeOther, roomPath(room))
	return nil
}
