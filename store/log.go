package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"causette/chat"
)

// Post is a message on its way into a room's log.
type Post struct {
	Room chat.RoomID
	// Session speaks, under the nickname that it holds. A guest's may be empty: a
	// guest holds none, and brings one along that nobody else may hold.
	Session string
	Guest   bool
	// Who is counted by the rate: the session, or the keyed hash that stands for a
	// guest's address. The nonce is the author's own.
	Who string
	// Nonce is the sender's; if empty, one is made, known to Redis only. Either way
	// go-redis may send the command again after a network error, and it lands once.
	Nonce chat.Nonce
	// Address is what the sender counts under, wherever addresses are told apart; what
	// can't be told apart is one.
	Address string
	// Message has everything but its ID.
	Message chat.Message
}

// Receipt is an accepted message.
type Receipt struct {
	// Message has its ID. Of a duplicate it is the one accepted first.
	Message chat.Message
	// JSON is the message as readers get it.
	JSON []byte
	// Duplicate says that the nonce was known.
	Duplicate bool
}

// Append puts a message into its room's log and announces it, in one step: ids
// and announcements have the same order. A nonce that came before is answered
// with the message it made, and not charged to the rate. It renews the session's
// hold on its nickname.
//
// Errors: [*chat.RateLimited], [*chat.NicknameTaken], [chat.ErrNicknameGivenUp] (see
// [Store.Hold]), [chat.ErrNonceReused] (another text), [chat.ErrUnavailable] (it may
// have been accepted: repeat it with its nonce).
func (s *Store) Append(ctx context.Context, p Post) (Receipt, error) {
	receipt, err := s.append(ctx, p)
	if err == nil && !receipt.Duplicate {
		s.active.touch(p.Room, p.Message.At.Time, p.Address)
		s.said(ctx, p.Who)
	}
	s.metrics.posts.WithLabelValues(appendResult(receipt, err)).Inc()
	return receipt, err
}

func (s *Store) append(ctx context.Context, p Post) (Receipt, error) {
	if err := s.maySay(p.Who); err != nil {
		return Receipt{}, err
	}
	l := newLanding(ctx, p)
	receipt, err := s.land(l)
	if errors.Is(err, errNotHeld) {
		// Seldom, and a matter of its own: the others of the group don't wait for it.
		if err = s.mayBeCalled(ctx, p); err == nil {
			l.must = nameChecked
			receipt, err = s.land(l)
		}
	}
	return receipt, err
}

// mayBeCalled settles whether a post may use its nickname, where a look at who
// holds it did not.
func (s *Store) mayBeCalled(ctx context.Context, p Post) error {
	if p.Guest {
		return s.taken(ctx, p.Message.Author.Nickname)
	}
	return s.Hold(ctx, p.Session, p.Message.Author.Nickname)
}

// appendResult names what became of a post.
func appendResult(r Receipt, err error) string {
	_, limited := errors.AsType[*chat.RateLimited](err)
	_, taken := errors.AsType[*chat.NicknameTaken](err)
	switch {
	case errors.Is(err, chat.ErrUnavailable), errors.Is(err, context.Canceled):
		return "unavailable"
	case limited:
		return "limited"
	case taken, errors.Is(err, chat.ErrNicknameGivenUp):
		return "name_not_held"
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

// receipt is the receipt of a post that landed.
func (l *landing) receipt(r landed) (Receipt, error) {
	if r.epoch != 0 {
		if id := l.acceptedAs(r.reply); !id.IsZero() {
			id.Epoch = r.epoch
			return accepted(l.post.Message, id.String(), l.payload)
		}
	}
	receipt, err := readReceipt(l.post.Message, l.payload, r.reply)
	// A nonce made here cannot have come before: go-redis sent the command twice.
	receipt.Duplicate = receipt.Duplicate && l.post.Nonce != ""
	return receipt, err
}

// acceptedAs is the id that a post was given now; none if it was refused, or is a duplicate.
func (l *landing) acceptedAs(v any) (id chat.EventID) {
	text, ok := v.(string)
	if !ok && l.post.Nonce == "" {
		if r := newReply(v); r.text() == "dup" {
			text = r.text() // go-redis sent the command twice
		}
	}
	id, _ = chat.ParseEventID(text) // none, if it is none
	return id
}

// readReceipt makes of append.lua's reply for one post what it says about m.
func readReceipt(m chat.Message, payload []byte, v any) (Receipt, error) {
	if id, ok := v.(string); ok {
		return accepted(m, id, payload)
	}
	r := newReply(v)
	switch verdict := r.text(); verdict {
	case "limited":
		wait := time.Duration(r.number()) * time.Microsecond
		return Receipt{}, or(r.err, error(&chat.RateLimited{RetryAfter: wait}))
	case "reused":
		return Receipt{}, or(r.err, chat.ErrNonceReused)
	case "name":
		return Receipt{}, or(r.err, errNotHeld)
	case "dup":
		return duplicate(m, r)
	default:
		return Receipt{}, fmt.Errorf("append: reply %q: %w", verdict, r.err)
	}
}

func accepted(m chat.Message, id string, payload []byte) (Receipt, error) {
	parsed, err := chat.ParseEventID(id)
	if err != nil {
		return Receipt{}, fmt.Errorf("append: %w", err)
	}
	m.ID = parsed
	e := chat.Event{ID: parsed, Kind: chat.KindMessage, Data: payload}
	return Receipt{Message: m, JSON: e.AppendJSON(make([]byte, 0, len(payload)+48))}, nil
}

// duplicate is the receipt of a message that was accepted before: {…, id, at, payload or nothing}.
func duplicate(m chat.Message, r *reply) (Receipt, error) {
	id, at, payload := r.text(), r.text(), r.text()
	if r.err != nil {
		return Receipt{}, fmt.Errorf("append: %w", r.err)
	}
	if payload == "" {
		// The log has let go of it, and the text is the same: only its time is missing.
		if err := json.Unmarshal([]byte(at), &m.At); err != nil {
			return Receipt{}, fmt.Errorf("append: time of duplicate: %w", err)
		}
		payload = string(m.Payload())
	}
	receipt, err := accepted(m, id, []byte(payload))
	if err != nil {
		return Receipt{}, err
	}
	receipt.Duplicate = true
	receipt.Message, err = chat.ParseMessage(chat.Event{ID: receipt.Message.ID, Kind: chat.KindMessage, Data: []byte(payload)})
	return receipt, err
}

// identity is what a nonce is remembered with: a digest, which tells two texts apart
// (16 bytes, since nobody gains by making two alike), and when it was said.
func identity(m chat.Message) []byte {
	sum := sha256.Sum256([]byte(m.Text))
	b := hex.AppendEncode(make([]byte, 0, 64), sum[:16])
	return m.At.AppendJSON(append(b, ' '))
}
