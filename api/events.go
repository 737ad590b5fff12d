package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"sync"
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
	if s, err = a.shownAs(c, s); err != nil {
		return err
	}
	if s.ID == "" {
		s.ID = newPersonID() // a stream without a session is a participant of its own
	}
	// While it waits for its turn it is a connection like any other, of which there are so many.
	greeted, err := a.takeOpening(c, address)
	if err != nil {
		a.o.Hub.Refuse(c.Writer, c.Request)
		return nil
	}
	defer greeted()
	// The server's own deadlines are for requests that end; the stream sets one for each write.
	deadlines := http.NewResponseController(c.Writer)
	if err := deadlines.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	if a.o.BecomesStream != nil {
		a.o.BecomesStream(c.Request)
	}
	if !a.o.Hub.IsOpen(room) {
		a.chargeMore(c, openingUnits)
	}
	a.o.Hub.Serve(c.Writer, c.Request, sse.Subscription{
		Room: room, Person: s.Person, Address: address, History: count,
		LastEventID: cmp.Or(c.GetHeader("Last-Event-ID"), c.Query("last_event_id")),
		Greeted:     greeted,
	})
	return nil
}

// takeOpening waits for a stream's turn to come to its hello, among the other addresses. The
// turn ends with greeted, or by itself.
func (a *API) takeOpening(c *gin.Context, address string) (greeted func(), err error) {
	done, err := a.reads.openings.take(c.Request.Context(), address)
	if err != nil {
		return nil, err
	}
	end := sync.OnceFunc(done)
	over := time.AfterFunc(openingTurn, end)
	return func() { over.Stop(); end() }, nil
}

// mayOpen reports whether an address may open another stream already. Only Redis's
// word that it may not counts.
func (a *API) mayOpen(c *gin.Context, address string) bool {
	_, limited := errors.AsType[*chat.RateLimited](a.o.Store.AllowStream(c.Request.Context(), address))
	return !limited
}

// shownAs is who a reader is shown as. A nickname that it gave up, or that somebody
// else holds, is no reason to refuse the stream, nor is a cookie that was ended: an
// EventSource would give up for good. While Redis is away, it is who it says.
func (a *API) shownAs(c *gin.Context, s session) (session, error) {
	if s.ID == "" {
		return s, nil
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), requestTimeout)
	defer cancel()
	var err error
	if s.Nickname == "" {
		err = a.o.Store.CheckToken(ctx, s.ID, s.token)
	} else {
		err = a.o.Store.Hold(ctx, s.ID, s.token, s.Nickname)
	}
	switch {
	case errors.Is(err, chat.ErrSessionEnded):
		return unlessEnded(s, err)
	case err != nil && !errors.Is(err, chat.ErrUnavailable):
		s.Nickname = ""
	}
	return s, nil
}
