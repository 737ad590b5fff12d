package api

import (
	"cmp"
	"context"
	"errors"
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
	address := a.owner(c)
	if !a.mayOpen(c, address) {
		a.o.Hub.Refuse(c.Writer, c.Request)
		return nil
	}
	if s.ID == "" {
		s.ID = newPersonID() // a stream without a session is a participant of its own
	}
	if !a.mayBeCalled(c, s) {
		s.Nickname = ""
	}
	// The server's own deadlines are for requests that end; the stream sets one for each write.
	deadlines := http.NewResponseController(c.Writer)
	if err := deadlines.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	if a.o.BecomesStream != nil {
		a.o.BecomesStream(c.Request)
	}
	a.o.Hub.Serve(c.Writer, c.Request, sse.Subscription{
		Room: room, Person: s.Person, Address: address, History: count,
		LastEventID: cmp.Or(c.GetHeader("Last-Event-ID"), c.Query("last_event_id")),
	})
	return nil
}

// mayOpen reports whether an address may open another stream already. Only Redis's
// word that it may not counts.
func (a *API) mayOpen(c *gin.Context, address string) bool {
	_, limited := errors.AsType[*chat.RateLimited](a.o.Store.AllowStream(c.Request.Context(), address))
	return !limited
}

// mayBeCalled reports whether a reader is shown under its nickname. One that it
// gave up, or that somebody else holds, is no reason to refuse the stream: an
// EventSource would give up for good.
func (a *API) mayBeCalled(c *gin.Context, s session) bool {
	if s.Nickname == "" {
		return true
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), requestTimeout)
	defer cancel()
	err := a.o.Store.Hold(ctx, s.ID, s.Nickname)
	return err == nil || errors.Is(err, chat.ErrUnavailable)
}
