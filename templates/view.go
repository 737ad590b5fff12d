package templates

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/rivo/uniseg"

	"causette/assets"
	"causette/chat"
	"causette/locales"
)

// groupWithin is the longest pause between two messages of one author that are
// shown as one group.
const groupWithin = 5 * time.Minute

// hues is how many nickname colours css/tokens.css has.
const hues = 12

// view is a [Page] as the templates read it.
type view struct {
	Page
	Rows []row
	// Blank is the row in the <template> that the script clones.
	Blank row
	// Texts is the whole language, for the script.
	Texts json.RawMessage
}

// row is one message as the template "message" reads it.
type row struct {
	ID, At, Clock string
	// Day is set where a new one begins: the script writes it as people do, but
	// the line is there from the start, so that nothing moves.
	Day     string
	Author  string
	Name    chat.Nickname
	Initial string
	Hue     int
	Spans   []span
	// Mine: by the reader. Continued: of the same group as the row before.
	// Mention: names the reader. Big: nothing but one to three emoji.
	Mine, Continued, Mention, Big bool
	MentionLabel                  string
}

func newView(p Page) view {
	if p.Lang == "" {
		p.Lang = locales.Fallback
	}
	v := view{Page: p, Texts: locales.JSON(p.Lang)}
	v.Blank = row{MentionLabel: v.T("message.mention")}
	for i, m := range p.Messages {
		r := v.row(m)
		r.Continued = i > 0 && continues(p.Messages[i-1], m)
		if i == 0 || day(p.Messages[i-1]) != day(m) {
			r.Day = day(m)
		}
		v.Rows = append(v.Rows, r)
	}
	return v
}

func (v view) row(m chat.Message) row {
	mine := v.You.ID != "" && m.Author.ID == v.You.ID
	return row{
		ID: m.ID.String(), At: m.At.UTC().Format("2006-01-02T15:04:05.000Z"), Clock: m.At.UTC().Format("15:04"),
		Author: m.Author.ID, Name: m.Author.Nickname, Initial: initial(m.Author.Nickname), Hue: hue(m.Author.ID),
		Spans: spans(string(m.Text)), Big: bigEmoji(string(m.Text)),
		Mine: mine, Mention: !mine && mentions(string(m.Text), string(v.You.Nickname)),
		MentionLabel: v.Blank.MentionLabel,
	}
}

// T is the sentence named key in the page's language.
func (v view) T(key string, pairs ...any) string { return locales.Text(v.Lang, key, pairs...) }

// Named reports whether the reader has taken a nickname.
func (v view) Named() bool { return v.You.Nickname != "" }

// Why is the problem in the page's language, or in the server's words where the
// page has none for it; empty if there is none.
func (v view) Why() string {
	key := "error." + v.Form.Code
	if text := v.T(key); text != key {
		return text
	}
	return v.Form.Detail
}

// Wrong names the form with the problem: "room", "nickname" or "text".
func (v view) Wrong() string {
	switch {
	case v.Form.Code == "":
		return ""
	case v.Form.Code == "invalid_room":
		return "room"
	case v.Form.Names || !v.Named():
		return "nickname"
	default:
		return "text"
	}
}

// Asking reports whether the nickname form is in the composer's place.
func (v view) Asking() bool { return !v.Named() || v.Wrong() == "nickname" }

// NicknameValue fills the nickname form.
func (v view) NicknameValue() string {
	return cmp.Or(v.Form.Nickname, string(v.You.Nickname), v.LastNickname)
}

// RoomPath is where a room's page is.
func (v view) RoomPath(room chat.RoomID) string {
	if room == chat.Lobby {
		return "/"
	}
	return "/rooms/" + string(room)
}

// Listed are the rooms to choose from: this one, whether anything happened in it
// or not, and the liveliest others.
func (v view) Listed() []roomItem {
	rooms := v.Rooms
	if !slices.ContainsFunc(rooms, func(r chat.RoomNews) bool { return r.Room == v.Room }) {
		rooms = append([]chat.RoomNews{{Room: v.Room, Participants: v.Presence.Participants}}, rooms...)
	}
	items := make([]roomItem, len(rooms))
	for i, r := range rooms {
		items[i] = roomItem{RoomNews: r, Path: v.RoomPath(r.Room), Current: r.Room == v.Room, People: v.T("people.title", "n", r.Participants)}
	}
	return items
}

// roomItem is one entry of the list of rooms as the template "room" reads it.
type roomItem struct {
	chat.RoomNews
	Path    string
	Current bool
	People  string // how many there are, in words
}

// NoRoom is the room in the <template> that the script clones.
func (v view) NoRoom() roomItem { return roomItem{} }

// Languages are the languages spoken, for the menu.
func (v view) Languages() []string { return locales.Languages() }

// Icons are the favicon's states, for the script.
func (v view) Icons() map[string]string {
	return map[string]string{
		"plain":  assets.URL("icons/mark.svg"),
		"unread": assets.URL("icons/mark-unread.svg"),
		"away":   assets.URL("icons/mark-away.svg"),
	}
}

// continues reports whether m goes on in the group of the message before it.
// The script does this again with the reader's time zone, which tells the days
// apart; here a day is a day in UTC.
func continues(before, m chat.Message) bool {
	pause := m.At.Sub(before.At.Time)
	return before.Author == m.Author && pause >= 0 && pause < groupWithin &&
		day(before) == day(m)
}

func day(m chat.Message) string { return m.At.UTC().Format(time.DateOnly) }

// initial is the first character of a nickname, as a person counts characters.
func initial(n chat.Nickname) string {
	first, _, _, _ := uniseg.FirstGraphemeClusterInString(strings.TrimSpace(string(n)), -1)
	return first
}

// hue picks one of the nickname colours by the author's id, so that a person
// keeps their colour under another name. It is FNV-1a over UTF-16 units of an
// ASCII id; js/lib/person.js does the same.
func hue(id string) int {
	h := uint32(2166136261)
	for i := range len(id) {
		h = (h ^ uint32(id[i])) * 16777619
	}
	return int(h % hues)
}
