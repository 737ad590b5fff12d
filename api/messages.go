package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"causette/chat"
	"causette/store"
)

// postMessage says something in a room: 201 and the message, or 200 and the
// same message as before if the nonce came before.
func (a *API) postMessage(c *gin.Context) error {
	f, err := readFields(c.Request, "text", "room", "nonce", "nickname")
	var receipt store.Receipt
	if err == nil {
		receipt, err = a.say(c, f)
	}
	a.metrics.posted(receipt, err)
	tellLimit(c, err)
	if wantsPage(c.Request) {
		return a.comeBack(c, f, err)
	}
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if receipt.Duplicate {
		status = http.StatusOK
	}
	c.Header("Cache-Control", "no-store")
	c.Data(status, gin.MIMEJSON, receipt.JSON)
	return nil
}

func (a *API) say(c *gin.Context, f fields) (store.Receipt, error) {
	text, errText := chat.ParseText(f["text"])
	room, errRoom := chat.ParseRoomID(f["room"])
	nonce, errNonce := chat.ParseNonce(f["nonce"])
	if err := errors.Join(errText, errRoom, errNonce); err != nil {
		return store.Receipt{}, err
	}
	s, err := a.session(c)
	if err != nil {
		return store.Receipt{}, err
	}
	said := chat.Message{At: chat.Instant{Time: time.Now()}, Text: text, Nonce: nonce}
	receipt, err := a.sayAs(c, s, f["nickname"], room, said)
	if errors.Is(err, chat.ErrSessionEnded) && !s.bearer {
		return a.sayAs(c, session{}, f["nickname"], room, said) // such a cookie counts for none
	}
	return receipt, err
}

func (a *API) sayAs(c *gin.Context, s session, nickname string, room chat.RoomID, said chat.Message) (store.Receipt, error) {
	post, err := a.speaker(c, s, nickname)
	if err != nil {
		return store.Receipt{}, err
	}
	said.Author = post.Message.Author
	post.Room, post.Nonce, post.Address, post.Message = room, said.Nonce, a.owner(c), said
	return a.o.Store.Append(c.Request.Context(), post)
}

// Limits of a page of history, in messages.
const (
	defaultPage = 50
	maxPage     = 200
)

// history is a page of a room's log. Before and After are the cursors of the
// pages next to it; Before is null where the log begins, After where it is empty.
type history struct {
	Messages []json.RawMessage `json:"messages"`
	Before   *chat.EventID     `json:"before"`
	After    *chat.EventID     `json:"after"`
	// More says that there is more in the direction asked for.
	More bool `json:"more"`
}

// getMessages reads a page: the newest, those before an id, or those after one.
func (a *API) getMessages(c *gin.Context) error {
	room, err := chat.ParseRoomID(c.Query("room"))
	if err != nil {
		return err
	}
	limit, err := queryInt(c, "limit", defaultPage, 1, maxPage)
	if err != nil {
		return err
	}
	page, err := a.readPage(c, room, limit)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, asHistory(page, c.Query("after") != ""))
	return nil
}

func (a *API) readPage(c *gin.Context, room chat.RoomID, limit int) (chat.Page, error) {
	before, after := c.Query("before"), c.Query("after")
	if before != "" && after != "" {
		return chat.Page{}, fieldProblem(http.StatusBadRequest, "after", "conflicting_cursors", "before and after exclude each other")
	}
	if after == "" {
		id, err := cursor("before", before)
		if err != nil || before != "" && id.IsZero() { // nothing stands before 0-0
			return chat.Page{}, err
		}
		return a.o.Store.Before(c.Request.Context(), room, id, limit)
	}
	id, err := cursor("after", after)
	if err != nil {
		return chat.Page{}, err
	}
	page, err := a.o.Store.After(c.Request.Context(), room, id, limit)
	if err == nil && page.Gap {
		err = fieldProblem(http.StatusGone, "after", "gap",
			"the log does not hold what follows this id any more; begin with the newest messages")
	}
	return page, err
}

func cursor(name, value string) (chat.EventID, error) {
	if value == "" {
		return chat.EventID{}, nil
	}
	id, err := chat.ParseEventID(value)
	if err != nil {
		return id, fieldProblem(http.StatusBadRequest, name, "invalid_event_id", "an event id looks like 1795383673803-57")
	}
	return id, nil
}

func asHistory(page chat.Page, forward bool) history {
	h := history{Messages: make([]json.RawMessage, len(page.Events)), More: page.More}
	for i, e := range page.Events {
		h.Messages[i] = e.AppendJSON(nil)
	}
	if n := len(page.Events); n > 0 {
		first, last := page.Events[0].ID, page.Events[n-1].ID
		if h.After = &last; forward || page.More {
			h.Before = &first
		}
	}
	return h
}
