package chat

import (
	"fmt"
	"strconv"
	"strings"
)

// EventID is a position in a room's log, written <epoch>-<seq>. Epoch is a
// millisecond (Unix time): that of the first event since the log came to be, or
// since Redis may have lost the end of it. Seq counts 0, 1, 2 … without holes,
// through all epochs of a log, so anyone can see that something is missing. It is
// at once the Redis stream id, the SSE id, Last-Event-ID and the JSON id.
//
// Each epoch is written by one history of Redis's data, so an id never means two
// things. As a position, <epoch>-<seq> stands behind that many events of the log
// as it was in that epoch.
//
// The zero EventID, written 0-0, stands before the first event of any log.
type EventID struct {
	Epoch int64
	Seq   int64
}

// ParseEventID reads the form that [EventID.String] writes, and no other: two
// non-negative decimal numbers without sign, space or leading zero. Anything
// else is an [*Invalid] of field "last_event_id".
func ParseEventID(s string) (EventID, error) {
	epoch, seq, found := strings.Cut(s, "-")
	e, errEpoch := parseDecimal(epoch)
	q, errSeq := parseDecimal(seq)
	if !found || errEpoch != nil || errSeq != nil || (e == 0 && q != 0) {
		return EventID{}, &Invalid{
			Field: "last_event_id", Code: "invalid_event_id",
			Detail: "an event id looks like 1795383673803-57",
		}
	}
	return EventID{Epoch: e, Seq: q}, nil
}

func parseDecimal(s string) (int64, error) {
	if len(s) > 1 && s[0] == '0' || strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") {
		return 0, fmt.Errorf("not a plain decimal: %q", s)
	}
	return strconv.ParseInt(s, 10, 64)
}

// IsZero reports whether id is 0-0, the position before any log's first event.
func (id EventID) IsZero() bool { return id == EventID{} }

// Back is the position n events before id in the same log: the id just before
// what follows it. It stops at 0-0, which stands before the log's first event.
func (id EventID) Back(n int64) EventID {
	if id.IsZero() || id.Seq < n {
		return EventID{}
	}
	return EventID{Epoch: id.Epoch, Seq: id.Seq - n}
}

// Adjoins reports whether next can stand right after id in one log, from which
// both were read: the next seq, in the same epoch or a later one.
func (id EventID) Adjoins(next EventID) bool {
	return id.Precedes(next) || !id.IsZero() && next.Epoch > id.Epoch && next.Seq == id.Seq+1
}

// Precedes reports whether next is the event right after id: the next seq of
// the same log, or, after 0-0, the first event of any.
func (id EventID) Precedes(next EventID) bool {
	if id.IsZero() {
		return next.Seq == 0
	}
	return next.Epoch == id.Epoch && next.Seq == id.Seq+1
}

// Compare orders ids as a Redis stream does: by epoch, then by seq.
func (id EventID) Compare(other EventID) int {
	switch {
	case id == other:
		return 0
	case id.Epoch < other.Epoch || id.Epoch == other.Epoch && id.Seq < other.Seq:
		return -1
	default:
		return 1
	}
}

// Append writes the id's text form to the end of b.
func (id EventID) Append(b []byte) []byte {
	b = strconv.AppendInt(b, id.Epoch, 10)
	b = append(b, '-')
	return strconv.AppendInt(b, id.Seq, 10)
}

func (id EventID) String() string { return string(id.Append(nil)) }

// MarshalText makes the id a JSON string.
func (id EventID) MarshalText() ([]byte, error) { return id.Append(nil), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *EventID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseEventID(string(b))
	return err
}
