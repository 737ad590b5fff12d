package api

import (
	"cmp"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"causette/chat"
	"causette/sse"
)

// Limits of how many messages a fresh stream begins with.
const (
	defaultHistory = 50
	maxHistory     = 500
)

// getEvents is the stream of a room. It ends when the reader hangs up or the hub
// says bye.
func (a *API) getEvents(c *gin.Context) error {
	if err := a.refuseForeignStreams(c.Request); err != nil {
		return err
	}
	room, err := chat.ParseRoomID(c.Query("room"))
	if err != nil {
		return err
	}
	count, err := queryInt(c, "history", defaultHistory, 0, maxHistory)
	if err != nil {
		return err
	}
	s, err := a.reader(c)
	if err != nil {
		return err
	}
	if s.ID == "" {
		s.ID = newPersonID() // a stream without a session is a participant of its own
	}
	// The server's own deadlines are for requests that end; the stream sets one for each write.
	deadlines := http.NewResponseController(c.Writer)
	if err := deadlines.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	a.o.Hub.Serve(c.Writer, c.Request, sse.Subscription{
		Room: room, Person: s.Person, History: count,
		LastEventID: cmp.Or(c.GetHeader("Last-Event-ID"), c.Query("last_event_id")),
	})
	return nil
}
