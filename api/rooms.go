package api

import (
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"

	"causette/chat"
)

// roomInfo is a room in the list of rooms.
type roomInfo struct {
	Room         chat.RoomID  `json:"room"`
	Participants int          `json:"participants"`
	LastID       chat.EventID `json:"last_id"`
	At           chat.Instant `json:"at"`
}

// Limits of the list of rooms.
const (
	defaultRooms = 50
	maxRooms     = 200
)

// getRooms lists the rooms, those of the most people first.
func (a *API) getRooms(c *gin.Context) error {
	if _, asked := c.GetQuery("room"); asked && wantsPage(c.Request) {
		return a.goToRoom(c)
	}
	limit, err := queryInt(c, "limit", defaultRooms, 1, maxRooms)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	return a.readAndSend(c, http.StatusOK, contentTypeJSON, func() (body, error) {
		found, err := a.o.Store.ReadRooms(c.Request.Context(), limit)
		if err != nil {
			return body{}, err
		}
		rooms := make([]roomInfo, len(found))
		for i, r := range found {
			rooms[i] = roomInfo{Room: r.Room, Participants: r.Participants, LastID: r.LastID, At: chat.Instant{Time: r.At}}
		}
		b, err := a.rendered(c, func() ([]byte, error) { return json.Marshal(gin.H{"rooms": rooms}) })
		return body{bytes: b}, err
	})
}
