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
	// Token is the session's, which must count.
	Token Token
	// Address is whose share of messages, bytes and new rooms the post takes, and whom it
	// counts for among a room's people; "" if nobody's.
	Address string
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
	// JSON is the message as readers get it.
	JSON []byte
	// Duplicate says that the nonce was known.
	Duplicate bool
}

// Append puts a message into its room's log and announces it, in one step: ids
// and announcements have the same order. A nonce that came before is answered
// with the message it made, and not charged to the sender's rate; its address is
// charged for whatever Redis is asked. It renews the session's hold on its nickname.
//
// Errors: [*chat.RateLimited], [*chat.NicknameTaken], [chat.ErrNicknameGivenUp] (see
// [Store.Hold]), [chat.ErrSessionEnded], [chat.ErrNonceReused] (another text),
// [chat.ErrUnavailable] (it may have been accepted: repeat it with its nonce),
// [chat.ErrStorageFull], [chat.ErrBusy] (too many posts to the room wait).
func (s *Store) Append(ctx context.Context, p Post) (Receipt, error) {
	receipt, err := s.append(ctx, p)
	if err == nil && !receipt.Duplicate {
		s.active.touch(p.Room, p.Message.At.Time, p.Address)
	}
	s.metrics.posts.WithLabelValues(appendResult(receipt, err)).Inc()
	return receipt, err
}

func (s *Store) append(ctx context.Context, p Post) (receipt Receipt, err error) {
	for _, l := range []*lazyLimiter{s.limits.addresses, s.limits.stored} {
		if err := l.allow(p.Address); err != nil {
			return Receipt{}, err
		}
	}
	switch limited := s.limits.messages.allow(p.Who); {
	case limited == nil:
		receipt, err = s.landSettled(ctx, p)
	case p.Nonce == "":
		return Receipt{}, limited
	default:
		// A client that got no answer has it, however much it said since.
		receipt, err = s.repeated(ctx, p, limited)
	}
	s.chargePost(ctx, p, receipt, err)
	return receipt, err
}

// landSettled lands a post, and settles first whatever it was refused for that can be.
// Both are seldom, and matters of its own: the others of its group don't wait for it.
func (s *Store) landSettled(ctx context.Context, p Post) (Receipt, error) {
	l := newLanding(ctx, p)
	l.mayBegin = l.mayBegin || s.limits.rooms.rate <= 0
	for {
		receipt, err := s.land(l)
		switch {
		case errors.Is(err, errNotHeld) && l.must != nameChecked:
			err, l.must = s.mayBeCalled(ctx, p), nameChecked
		case errors.Is(err, errNewRoom) && !l.mayBegin:
			err, l.mayBegin = s.allow(ctx, s.limits.rooms, s.keys.begun(p.Address)), true
		default:
			return receipt, err
		}
		if err != nil {
			return Receipt{}, err
		}
	}
}

// mayBeCalled settles whether a post may use its nickname, where a look at who
// holds it did not.
func (s *Store) mayBeCalled(ctx context.Context, p Post) error {
	if p.Guest {
		return s.taken(ctx, p.Message.Author.Nickname)
	}
	return s.Hold(ctx, p.Session, p.Token, p.Message.Author.Nickname)
}

// appendResult names what became of a post.
func appendResult(r Receipt, err error) string {
	_, limited := errors.AsType[*chat.RateLimited](err)
	_, taken := errors.AsType[*chat.NicknameTaken](err)
	switch {
	case errors.Is(err, chat.ErrStorageFull):
		return "storage_full"
	case errors.Is(err, chat.ErrUnavailable), errors.Is(err, context.Canceled):
		return "unavailable"
	case limited:
		return "limited"
	case errors.Is(err, chat.ErrSessionEnded):
		return "session_ended"
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

// refusal is readReceipt's error, whole: append.lua knows how long to wait, and not of
// which limit.
func (s *Store) refusal(err error) error {
	if limited, ok := errors.AsType[*chat.RateLimited](err); ok {
		return s.limits.messages.limit.refusal(limited.RetryAfter)
	}
	return err
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
	case "ended":
		return Receipt{}, or(r.err, chat.ErrSessionEnded)
	case "name":
		return Receipt{}, or(r.err, errNotHeld)
	case "new":
		return Receipt{}, or(r.err, errNewRoom)
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
