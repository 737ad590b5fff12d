package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Instant is a time as it travels: RFC 3339, UTC, milliseconds.
type Instant struct{ time.Time }

const instantForm = `"2006-01-02T15:04:05.000Z"`

// MarshalJSON writes a time as "2026-11-22T21:34:30.123Z".
func (i Instant) MarshalJSON() ([]byte, error) {
	return i.UTC().AppendFormat(nil, instantForm), nil
}

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
// JSON without the id, which only the log can give.
func (m Message) Payload() ([]byte, error) {
	m.ID = EventID{}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // the payload is never HTML, and \u003c is six bytes for one
	if err := enc.Encode(m); err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
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
