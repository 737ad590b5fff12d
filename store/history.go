package store

import (
	"context"
	"fmt"

	"causette/chat"
)

// MaxPage is how many events one page has at most.
const MaxPage = 500

var pageScript = lua("head", "lineage", "page")

// Before reads up to limit events that precede a position, oldest first; the zero
// position means the log's end. Gap says that the position is none of this log.
func (s *Store) Before(ctx context.Context, room chat.RoomID, before chat.EventID, limit int) (chat.Page, error) {
	return s.page(ctx, "before", room, before, limit, 0)
}

// After reads up to limit events that follow a position, oldest first; the zero
// position means the log's start. Gap says that the position is none of this log:
// older than what it keeps, of a log that is no more, past the end, or past where
// Redis lost the end of its epoch.
func (s *Store) After(ctx context.Context, room chat.RoomID, after chat.EventID, limit int) (chat.Page, error) {
	return s.page(ctx, "after", room, after, limit, 0)
}

// ReadAfter is [Store.After] for a request, which does not try while Redis is away.
func (s *Store) ReadAfter(ctx context.Context, room chat.RoomID, after chat.EventID, limit int) (chat.Page, error) {
	if err := s.away(); err != nil {
		return chat.Page{}, s.failed(ctx, "read history", err)
	}
	return s.After(ctx, room, after, limit)
}

// AfterWithin is After with at most so many bytes of events, but for a first one
// that is larger.
func (s *Store) AfterWithin(ctx context.Context, room chat.RoomID, after chat.EventID, limit, bytes int) (chat.Page, error) {
	return s.page(ctx, "after", room, after, limit, bytes)
}

// page reads a page; bytes is what its events have at most, or 0.
func (s *Store) page(ctx context.Context, direction string, room chat.RoomID, at chat.EventID, limit, bytes int) (chat.Page, error) {
	limit = min(max(limit, 0), MaxPage)
	v, err := s.read(ctx, "read history", pageScript, []string{s.keys.head(room), s.keys.log(room)},
		direction, at.Epoch, at.Seq, limit, bytes)
	if err != nil {
		return chat.Page{}, err
	}
	p, err := readPage(newReply(v))
	if err != nil {
		return chat.Page{}, fmt.Errorf("read history: %w", err)
	}
	return whole(p, direction, at), nil
}

// readPage reads page.lua's reply.
func readPage(r *reply) (chat.Page, error) {
	epoch, next, _ := r.text(), r.text(), r.text()
	p := chat.Page{Gap: r.number() == 1, More: r.number() == 1}
	entries := r.list()
	if r.err != nil {
		return p, r.err
	}
	if epoch != "" {
		end, err := chat.ParseEventID(epoch + "-" + next)
		if err != nil {
			return p, err
		}
		if end.Seq > 0 {
			p.Head = end.Back(1)
		}
	}
	p.Events = make([]chat.Event, 0, len(entries))
	for _, entry := range entries {
		e := newReply(entry)
		id, err := chat.ParseEventID(e.text())
		fields := newReply(any(e.list()))
		_, data := fields.text(), fields.text()
		if e.err != nil || err != nil || fields.err != nil {
			return p, fmt.Errorf("log entry: %w", or(or(e.err, err), fields.err))
		}
		p.Events = append(p.Events, chat.Event{ID: id, Kind: chat.KindMessage, Data: []byte(data)})
	}
	return p, nil
}

// whole makes sure that a page has no hole; epochs may change in it. The script reads
// it in one step and the log is only ever trimmed from its start, so there is none
// unless somebody deleted entries by hand; then what lies before the hole is as good
// as trimmed.
func whole(p chat.Page, direction string, at chat.EventID) chat.Page {
	start := 0
	for i := 1; i < len(p.Events); i++ {
		if !p.Events[i-1].ID.Adjoins(p.Events[i].ID) {
			start = i
		}
	}
	if direction == "after" {
		if start > 0 || len(p.Events) > 0 && p.Events[0].ID.Seq != following(at) {
			return chat.Page{Head: p.Head, Gap: true}
		}
		return p
	}
	if start > 0 {
		p.Events, p.More = p.Events[start:], false
	}
	return p
}

// following is the seq that comes after a position. Its epoch may be any: a
// position can be named by a later epoch than the event before it.
func following(at chat.EventID) int64 {
	if at.IsZero() {
		return 0
	}
	return at.Seq + 1
}
