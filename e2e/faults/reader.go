package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"
)

// reader is one reader of a room, of whatever kind.
type reader struct {
	// Static after construction.
	name string
	view *view
	way  *link  // to the instances; nil for one that goes to them itself
	base string // where it reads: the way, or an instance
	// source reads until ctx ends, and hands on every event, and each end of a
	// stream as one named "error". An error is what the reader did not get over.
	source func(ctx context.Context, r *reader) error
	// loads is a base that answers GET /messages, now or in a while.
	loads string
}

// eventsURL is the stream's address.
func (r *reader) eventsURL() string { return r.eventsURLAt(r.base) }

func (r *reader) eventsURLAt(base string) string {
	return base + "/events?room=" + url.QueryEscape(r.view.room)
}

// read reads with the EventSource of this package.
func (r *reader) read(ctx context.Context, source eventSource) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := source.run(ctx, func(e event) {
		if err := r.take(ctx, e); err != nil {
			cancel(err)
		}
	})
	if err == nil {
		err = context.Cause(ctx)
	}
	return err
}

// run reads until ctx ends.
func (r *reader) run(ctx context.Context) error {
	if err := r.source(ctx, r); err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	return nil
}

// take takes an event as any client would: it shows messages, and loads the
// history again where a gap is told.
func (r *reader) take(ctx context.Context, e event) error {
	switch e.name {
	case "error", "bye":
		r.view.ended()
	case "hello":
		var hello struct{ Resume string }
		at, err := parsePosition(e.id)
		if err == nil {
			err = json.Unmarshal([]byte(e.data), &hello)
		}
		if err != nil {
			return fmt.Errorf("hello %q: %w", e.data, err)
		}
		r.view.hello(hello.Resume, at)
		if hello.Resume == "gap" {
			return r.reload(ctx)
		}
	case "notice":
		var notice struct{ Kind string }
		if err := json.Unmarshal([]byte(e.data), &notice); err != nil {
			return fmt.Errorf("notice %q: %w", e.data, err)
		}
		if notice.Kind != "rename" {
			r.view.notice()
		}
	case "message":
		p, at, err := readMessage([]byte(e.data))
		if err != nil {
			return err
		}
		if at != (position{}) {
			r.view.message(p, at)
		}
	}
	return nil
}

// readMessage is which message it is and where it stands; a zero position if it
// is none of ours.
func readMessage(data []byte) (post, position, error) {
	var m struct{ ID, Text string }
	if err := json.Unmarshal(data, &m); err != nil {
		return post{}, position{}, fmt.Errorf("message %q: %w", data, err)
	}
	p, ok := parsePost(m.Text)
	if !ok {
		return p, position{}, nil
	}
	at, err := parsePosition(m.ID)
	return p, at, err
}

// reload reads the room's whole log, as a page that scrolls up does.
func (r *reader) reload(ctx context.Context) error {
	log, err := readLog(ctx, r.loads, r.view.room)
	if err != nil {
		return fmt.Errorf("%s loads the history: %w", r.name, err)
	}
	for _, m := range log {
		r.view.reloaded(m.post, m.at)
	}
	r.view.hasReloaded(len(log))
	return nil
}

// entry is a message and where it stands.
type entry struct {
	post post
	at   position
}

// readLog reads a room's whole log by pages, oldest first, trying until that succeeds.
func readLog(ctx context.Context, base, room string) (log []entry, err error) {
	err = until(ctx, time.Minute, "GET /messages", func(ctx context.Context) error {
		log = log[:0]
		before := ""
		for {
			text, err := get(ctx, base+"/messages?limit=200&room="+url.QueryEscape(room)+before)
			if err != nil {
				return err
			}
			var page struct {
				Messages []json.RawMessage
				Before   *string
				More     bool
			}
			if err := json.Unmarshal([]byte(text), &page); err != nil {
				return err
			}
			for _, data := range slices.Backward(page.Messages) {
				p, at, err := readMessage(data)
				if err != nil {
					return err
				}
				if at != (position{}) {
					log = append(log, entry{p, at})
				}
			}
			if !page.More || page.Before == nil {
				slices.Reverse(log)
				return nil
			}
			before = "&before=" + *page.Before
		}
	})
	return log, err
}
