package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"causette/chat"
)

// roster is who reads a room, over all instances.
type roster struct {
	chat.Presence
	// People are the participants who have a nickname.
	People []chat.Person `json:"people"`
}

// getParticipants tells who reads a room.
func (a *API) getParticipants(c *gin.Context) error {
	room, err := chat.ParseRoomID(c.Query("room"))
	if err != nil {
		return err
	}
	presence, people, err := a.o.Store.People(c.Request.Context(), room)
	if err != nil {
		return err
	}
	if people == nil {
		people = []chat.Person{} // [] rather than null
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, roster{Presence: presence, People: people})
	return nil
}
