package api

import (
	"errors"
	"net/http"
	"strconv"
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

const contentTypeJSON = "application/json; charset=utf-8"

// Limits of a page of history, in messages.
const (
	defaultPage = 50
	maxPage     = 200
)

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
	c.Header("Cache-Control", "no-store")
	return a.readAndSend(c, http.StatusOK, contentTypeJSON, func() (body, error) { return a.readPage(c, room, limit) })
}

func (a *API) readPage(c *gin.Context, room chat.RoomID, limit int) (body, error) {
	before, after := c.Query("before"), c.Query("after")
	if before != "" && after != "" {
		return body{}, fieldProblem(http.StatusBadRequest, "after", "conflicting_cursors", "before and after exclude each other")
	}
	if after == "" {
		id, err := cursor("before", before)
		if err != nil {
			return body{}, err
		}
		if before != "" && id.IsZero() { // nothing stands before 0-0
			return body{bytes: encodeHistory(chat.Page{}, false)}, nil
		}
		page, err := a.o.Store.ReadBefore(c.Request.Context(), room, id, limit)
		if err != nil {
			return body{}, err
		}
		b, err := a.rendered(c, func() ([]byte, error) {
			return page.Encoded(func(p chat.Page) []byte { return encodeHistory(p, false) }), nil
		})
		return body{b, page.Shared}, err
	}
	id, err := cursor("after", after)
	if err != nil {
		return body{}, err
	}
	page, err := a.o.Store.ReadAfter(c.Request.Context(), room, id, limit)
	if err != nil {
		return body{}, err
	}
	if page.Gap {
		return body{}, fieldProblem(http.StatusGone, "after", "gap",
			"the log does not hold what follows this id any more; begin with the newest messages")
	}
	b, err := a.rendered(c, func() ([]byte, error) { return encodeHistory(page, true), nil })
	return body{bytes: b}, err
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

// encodeHistory is a page as JSON: {"messages", "before", "after", "more"}. before and
// after are the cursors of the pages next to it; before is null where the log begins, after
// where it is empty; more says that there is more in the direction asked for. The messages
// are copied as they are: to parse each again would be most of what a page costs.
func encodeHistory(page chat.Page, forward bool) []byte {
	size := 128
	for _, e := range page.Events {
		size += len(e.Data) + 64
	}
	b := append(make([]byte, 0, size), `{"messages":[`...)
	for i, e := range page.Events {
		if i > 0 {
			b = append(b, ',')
		}
		b = e.AppendJSON(b)
	}
	b = append(b, `],"before":`...)
	n := len(page.Events)
	b = appendCursor(b, page.Events[:min(n, 1)], forward || page.More)
	b = append(b, `,"after":`...)
	b = appendCursor(b, page.Events[max(n-1, 0):], true)
	return append(strconv.AppendBool(append(b, `,"more":`...), page.More), '}')
}

// appendCursor appends the id of the event, if there is one and it is a cursor, or null.
func appendCursor(b []byte, event []chat.Event, is bool) []byte {
	if len(event) == 0 || !is {
		return append(b, "null"...)
	}
	return append(event[0].ID.Append(append(b, '"')), '"')
}
