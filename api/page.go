package api

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"causette/chat"
	"causette/locales"
	"causette/store"
	"causette/templates"
)

// pageMessages is how many messages the page's HTML already holds.
const pageMessages = 50

// Cookies that outlive a session: how the reader likes the page.
const (
	languageCookie = "causette-lang"
	nicknameCookie = "causette-nickname"
	likingLife     = 365 * 24 * time.Hour
)

// getPage serves a room's page, its newest messages in it. Without Redis it is
// served all the same, and says so.
func (a *API) getPage(c *gin.Context) error {
	room, err := chat.ParseRoomID(c.Param("room"))
	if err != nil && wantsPage(c.Request) {
		return a.problemPage(c, chat.Lobby, fields{"wanted": c.Param("room")}, err)
	}
	if err != nil {
		return err
	}
	return a.servePage(c, room, http.StatusOK, templates.Form{})
}

// servePage renders a room's page, with what came of a form in it.
func (a *API) servePage(c *gin.Context, room chat.RoomID, status int, form templates.Form) error {
	s, err := a.activeSession(c)
	if err != nil {
		return err
	}
	s = a.welcome(c, s)
	page := templates.Page{
		Lang: language(c), Room: room, You: s.Person, LastNickname: lastNickname(c), Nonce: chat.Nonce(rand.Text()),
		BaseURL: a.trusted.baseURL(c.Request), Presence: a.o.Store.Participants(room),
		Form: form,
	}
	// no-cache, not no-store, which would keep the page out of the back-forward cache.
	c.Header("Cache-Control", "private, no-cache")
	c.Header("Vary", "Accept-Language, Cookie")
	return a.readAndSend(c, status, "text/html; charset=utf-8", func() (body, error) {
		a.fill(c, &page)
		a.listRooms(c, &page)
		b, err := a.rendered(c, func() ([]byte, error) {
			var html bytes.Buffer
			err := a.pages.Page(&html, page)
			return html.Bytes(), err
		})
		return body{bytes: b}, err
	})
}

// fill puts the newest messages into the page, and the position after them, so
// that the stream goes on where the HTML ends.
func (a *API) fill(c *gin.Context, page *templates.Page) {
	newest, err := a.o.Store.ReadBefore(c.Request.Context(), page.Room, chat.EventID{}, pageMessages)
	if err != nil {
		page.RedisDown = true
		return
	}
	for _, e := range newest.Events {
		m, err := chat.ParseMessage(e)
		if err != nil {
			a.log.Warn("message left out of the page", slog.String("error", err.Error()))
			continue
		}
		page.Messages = append(page.Messages, m)
	}
	page.Older, page.Resume = newest.More, newest.Head.String()
}

// listRooms puts the liveliest rooms into the page.
func (a *API) listRooms(c *gin.Context, page *templates.Page) {
	if page.RedisDown {
		return
	}
	rooms, err := a.o.Store.ReadRooms(c.Request.Context(), defaultRooms)
	if err != nil {
		a.log.Debug("page without the list of rooms", slog.String("error", err.Error()))
		return
	}
	for _, r := range rooms {
		page.Rooms = append(page.Rooms, chat.RoomNews{Room: r.Room, Participants: r.Participants, LastID: r.LastID})
	}
}

// welcome gives a browser that has no session one without a nickname, so that
// its tabs are one participant, also after it takes a nickname; and more time to one
// whose token is in its second half. Where a cookie does not count, none is given.
func (a *API) welcome(c *gin.Context, s session) session {
	if !cookieCounts(c.Request) {
		return s
	}
	if s.replaced {
		return session{} // the browser may have the newer cookie by now, which another would overwrite
	}
	if s.ID != "" && time.Until(s.expires) > chat.SessionLife/2 {
		return s
	}
	if s.ID == "" {
		s.ID, s.token = newPersonID(), store.NewToken()
	}
	token, err := a.sessions.sign(c.Request.Context(), s.Person, s.token)
	if err != nil { // no key without Redis: the next page sets it
		return session{}
	}
	a.keep(c, token)
	return s
}

// language is the page's language: what the reader chose now, before, or prefers.
func language(c *gin.Context) string {
	chosen := c.Query("lang")
	before, _ := c.Cookie(languageCookie)
	lang := locales.Match(chosen, before, c.GetHeader("Accept-Language"))
	if chosen == lang && before != lang && cookieCounts(c.Request) {
		remember(c, languageCookie, lang)
	}
	return lang
}

// lastNickname is the nickname of an earlier visit, to fill the form with.
func lastNickname(c *gin.Context) string {
	escaped, _ := c.Request.Cookie(nicknameCookie)
	if escaped == nil {
		return ""
	}
	name, err := url.QueryUnescape(escaped.Value)
	if err != nil {
		return ""
	}
	nickname, _ := chat.ParseNickname(name) // empty if it is none: anything may stand in a cookie
	return string(nickname)
}

// remember keeps a liking in the browser.
func remember(c *gin.Context, name, value string) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: name, Value: url.QueryEscape(value), Path: "/", MaxAge: int(likingLife.Seconds()), SameSite: http.SameSiteLaxMode,
	})
}
