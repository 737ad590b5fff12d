package templates

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"

	"causette/assets"
	"causette/chat"
	"causette/locales"
)

//go:embed *.html
var files embed.FS

// Templates renders the pages. Static after construction.
type Templates struct {
	set *template.Template
}

// Page is what the chat page shows: one room, as one reader finds it.
type Page struct {
	// Lang is "fr" or "en".
	Lang string
	Room chat.RoomID
	// You is the reader's session; the nickname is empty if none was taken yet.
	You chat.Person
	// Nonce names what the page's form for a nickname asks for, so that it may be sent
	// twice; empty for none.
	Nonce chat.Nonce
	// LastNickname fills the nickname form: the name of an earlier visit, if any.
	LastNickname string
	// Messages are the newest of the room, at most 50, oldest first.
	Messages []chat.Message
	// Older says that the room has messages before these.
	Older bool
	// Resume is the event id after which the stream continues what is shown;
	// empty if it is unknown (Redis was away).
	Resume   string
	Presence chat.Presence
	// BaseURL is this server as the reader reaches it, "http://host:port": it
	// stands in the curl lines of an empty room.
	BaseURL string
	// RedisDown says that the room could not be read.
	RedisDown bool
	// Rooms are the liveliest rooms, at most 50.
	Rooms []chat.RoomNews
	// Form is what came of the form that asked for this page; zero if none did.
	Form Form
}

// Form is a form that was refused: why, and what was written in it, so that
// nothing is lost.
type Form struct {
	// Code and Detail are the problem's.
	Code, Detail string
	Suggestion   chat.Nickname
	// Names says that the form was for a nickname.
	Names bool
	// Text, Nickname and Room are what was asked for.
	Text, Nickname, Room string
}

// New parses every template and renders each page into nothing, so that
// a mistake in a template ends the start and not a request.
func New() (*Templates, error) {
	set, err := template.New("").Funcs(template.FuncMap{
		"asset":   assets.URL,
		"styles":  assets.Styles,
		"modules": assets.Modules,
	}).ParseFS(files, "*.html")
	if err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	t := &Templates{set: set}
	if err := t.Page(io.Discard, Page{Room: chat.Lobby}); err != nil {
		return nil, err
	}
	if err := t.Refused(io.Discard, locales.Fallback, chat.Lobby, "", ""); err != nil {
		return nil, err
	}
	return t, nil
}

// Page writes the chat page. Nothing is written to w if the page cannot be
// rendered, so that the caller can still answer with an error.
func (t *Templates) Page(w io.Writer, p Page) error {
	var b bytes.Buffer
	if err := t.set.ExecuteTemplate(&b, "page.html", newView(p)); err != nil {
		return fmt.Errorf("render page: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

// Refused writes the page that stands for a room's where not even that can be had: why,
// by a problem's code and detail, and the way back.
func (t *Templates) Refused(w io.Writer, lang string, room chat.RoomID, code, detail string) error {
	v := view{Page: Page{Lang: lang, Room: room, Form: Form{Code: code, Detail: detail}}}
	if err := t.set.ExecuteTemplate(w, "refused.html", v); err != nil {
		return fmt.Errorf("render refusal: %w", err)
	}
	return nil
}
