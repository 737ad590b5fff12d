package chat

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"
)

// Instant is a time as it travels: RFC 3339, UTC, milliseconds.
type Instant struct{ time.Time }

const instantForm = `"2006-01-02T15:04:05.000Z"`

// AppendJSON appends a time as "2026-11-22T21:34:30.123Z".
func (i Instant) AppendJSON(b []byte) []byte { return i.UTC().AppendFormat(b, instantForm) }

// MarshalJSON is AppendJSON for encoding/json.
func (i Instant) MarshalJSON() ([]byte, error) { return i.AppendJSON(nil), nil }

// UnmarshalJSON reads any RFC 3339 time.
func (i *Instant) UnmarshalJSON(b []byte) error { return i.Time.UnmarshalJSON(b) }

// Message is what somebody said: the one durable kind of event.
type Message struct {
	ID     EventID `json:"id,omitzero"`
	At     Instant `json:"at"`
	Author Person  `json:"author"`
	Text   Text    `json:"text"`
	// Nonce is the sender's, and empty if the sender gave none.
	Nonce Nonce `json:"nonce,omitempty"`
}

// Payload is the message as the log keeps it and the channel carries it: its
// JSON without the id, which only the log can give. It is written by hand, since
// each post waits for it: encoding/json, by reflection, took three times as long.
func (m Message) Payload() []byte {
	b := make([]byte, 0, len(m.Text)+len(m.Author.ID)+len(m.Author.Nickname)+len(m.Nonce)+128)
	b = append(b, `{"at":`...)
	b = m.At.AppendJSON(b)
	b = append(b, `,"author":{"id":`...)
	b = appendString(b, m.Author.ID)
	if m.Author.Nickname != "" {
		b = append(b, `,"nickname":`...)
		b = appendString(b, string(m.Author.Nickname))
	}
	b = append(b, `},"text":`...)
	b = appendString(b, string(m.Text))
	if m.Nonce != "" {
		b = append(b, `,"nonce":`...)
		b = appendString(b, string(m.Nonce))
	}
	return append(b, '}')
}

// appendString appends s as a JSON string (RFC 8259, section 7). It is one line
// whoever reads it: JavaScript before 2019 took U+2028 and U+2029 for line ends, and
// they are escaped. What HTML would want escaped is not: the payload is never HTML,
// and \u003c is six bytes for one.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	done := 0 // s[:done] is written
	for i, r := range s {
		short := byte('u')
		switch r {
		case '"', '\\':
			short = byte(r)
		case '\n':
			short = 'n'
		case '\t':
			short = 't'
		case '\u2028', '\u2029', utf8.RuneError:
		default:
			if r >= ' ' {
				continue
			}
		}
		b = append(b, s[done:i]...)
		b = append(b, '\\', short)
		if short == 'u' {
			b = append(b, hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		done = i + size
	}
	b = append(b, s[done:]...)
	return append(b, '"')
}

// ParseMessage reads back what [Message.Payload] wrote, giving it its id. It
// trusts the log: the values in it are not checked again.
func ParseMessage(e Event) (Message, error) {
	var m Message
	if err := json.Unmarshal(e.Data, &m); err != nil {
		return Message{}, fmt.Errorf("decode message %s: %w", e.ID, err)
	}
	m.ID = e.ID
	return m, nil
}
