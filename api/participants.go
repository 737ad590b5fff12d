package api

import (
	"encoding/json"
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
	c.Header("Cache-Control", "no-store")
	return a.readAndSend(c, http.StatusOK, contentTypeJSON, func() (body, error) {
		presence, people, err := a.o.Store.ReadPeople(c.Request.Context(), room)
		if err != nil {
			return body{}, err
		}
		if people == nil {
			people = []chat.Person{} // [] rather than null
		}
		b, err := a.rendered(c, func() ([]byte, error) { return json.Marshal(roster{Presence: presence, People: people}) })
		return body{bytes: b}, err
	})
}
