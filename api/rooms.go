package api

import (
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

// getRooms lists the rooms, liveliest first.
func (a *API) getRooms(c *gin.Context) error {
	if _, asked := c.GetQuery("room"); asked && wantsPage(c.Request) {
		return a.goToRoom(c)
	}
	limit, err := queryInt(c, "limit", defaultRooms, 1, maxRooms)
	if err != nil {
		return err
	}
	found, err := a.o.Store.Rooms(c.Request.Context(), limit)
	if err != nil {
		return err
	}
	rooms := make([]roomInfo, len(found))
	for i, r := range found {
		rooms[i] = roomInfo{Room: r.Room, Participants: r.Participants, LastID: r.LastID, At: chat.Instant{Time: r.At}}
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, gin.H{"rooms": rooms})
	return nil
}
