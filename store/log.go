package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"causette/chat"
)

// nonceTTL is how long a repeated nonce is known.
const nonceTTL = 10 * time.Minute

var appendScript = lua("gcra", "head", "append")

// Post is a message on its way into a room's log.
type Post struct {
	Room chat.RoomID
	// Who is counted by the rate: the session, or the keyed hash that stands for a
	// guest's address. The nonce is the author's own.
	Who string
	// Nonce is the sender's; if empty, one is made, known to Redis only. Either way
	// go-redis may send the command again after a network error, and it lands once.
	Nonce chat.Nonce
	// Message has everything but its ID.
	Message chat.Message
}

// Receipt is an accepted message.
type Receipt struct {
	// Message has its ID. Of a duplicate it is the one accepted first.
	Message chat.Message
	// Duplicate says that the nonce was known.
	Duplicate bool
}

// Append puts a message into its room's log and announces it, in one step: ids
// and announcements have the same order. A nonce that came before is answered
// with the message it made, and not charged to the rate.
//
// Errors: [*chat.RateLimited], [chat.ErrNonceReused] (another text),
// [chat.ErrUnavailable] (it may have been accepted: repeat it with its nonce).
func (s *Store) Append(ctx context.Context, p Post) (Receipt, error) {
	payload, err := p.Message.Payload()
	if err != nil {
		return Receipt{}, err
	}
	nonce := string(p.Nonce)
	if nonce == "" {
		nonce = "~" + rand.Text() // no sender's nonce has a ~
	}
	at, err := p.Message.At.MarshalJSON()
	if err != nil {
		return Receipt{}, fmt.Errorf("append: %w", err)
	}
	interval, burst := s.messageLimit()
	v, err := s.post(ctx, "append", appendScript,
		[]string{s.keys.head(p.Room), s.keys.log(p.Room), s.keys.nonce(p.Room, p.Message.Author.ID, nonce), s.keys.rate(p.Room, p.Who)},
		payload, digest(p.Message.Text), at,
		s.o.HistorySize, s.o.HistoryTTL.Milliseconds(), nonceTTL.Milliseconds(),
		interval, burst, s.keys.channel(p.Room))
	if err != nil {
		s.metrics.posts.WithLabelValues("unavailable").Inc()
		return Receipt{}, err
	}
	receipt, err := readReceipt(p.Message, newReply(v))
	// A nonce made here cannot have come before: go-redis sent the command twice.
	receipt.Duplicate = receipt.Duplicate && p.Nonce != ""
	if err == nil && !receipt.Duplicate {
		s.active.touch(p.Room, p.Message.At.Time)
	}
	s.metrics.posts.WithLabelValues(appendResult(receipt, err)).Inc()
	return receipt, err
}

// appendResult names what became of a post that Redis answered.
func appendResult(r Receipt, err error) string {
	_, limited := errors.AsType[*chat.RateLimited](err)
	switch {
	case limited:
		return "limited"
	case errors.Is(err, chat.ErrNonceReused):
		return "nonce_reused"
	case err != nil:
		return "error"
	case r.Duplicate:
		return "duplicate"
	default:
		return "accepted"
	}
}

// readReceipt makes of append.lua's reply what it says about m.
func readReceipt(m chat.Message, r *reply) (Receipt, error) {
	verdict := r.text()
	switch verdict {
	case "limited":
		wait := time.Duration(r.number()) * time.Microsecond
		if r.err != nil {
			return Receipt{}, fmt.Errorf("append: %w", r.err)
		}
		return Receipt{}, &chat.RateLimited{RetryAfter: wait}
	case "reused":
		return Receipt{}, chat.ErrNonceReused
	}
	id, err := chat.ParseEventID(r.text())
	if r.err != nil || err != nil {
		return Receipt{}, fmt.Errorf("append: reply %q: %w", verdict, or(r.err, err))
	}
	m.ID = id
	if verdict != "dup" {
		return Receipt{Message: m}, nil
	}
	at, payload := r.text(), r.text()
	if r.err != nil {
		return Receipt{}, fmt.Errorf("append: %w", r.err)
	}
	if payload != "" {
		m, err = chat.ParseMessage(chat.Event{ID: id, Kind: chat.KindMessage, Data: []byte(payload)})
		return Receipt{Message: m, Duplicate: true}, err
	}
	// The log has let go of it, and the text is the same: only its time is missing.
	if err := json.Unmarshal([]byte(at), &m.At); err != nil {
		return Receipt{}, fmt.Errorf("append: time of duplicate: %w", err)
	}
	return Receipt{Message: m, Duplicate: true}, nil
}

// digest tells two texts apart; 16 bytes, since nobody gains by making two alike.
func digest(t chat.Text) string {
	sum := sha256.Sum256([]byte(t))
	return hex.EncodeToString(sum[:16])
}
