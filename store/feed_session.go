package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

// subscribeChunk is how many channels one SUBSCRIBE names at most.
const subscribeChunk = 500

// kindTorn is what tear.lua announces: for feeds, not for readers.
const kindTorn chat.Kind = "torn"

var (
	errResubscribed = errors.New("connection was replaced unasked")
	errSilent       = errors.New("connection does not answer")
)

// session is one pub/sub connection, from its first subscription until it fails.
//
// go-redis would connect and subscribe again by itself, and hide what was missed
// meanwhile. A confirmation that nobody is waiting for gives that away; it ends
// the session like any error, and the next one reads what is missing.
type session struct {
	// Static after construction.
	f      *feed
	pubsub *redis.PubSub

	heard atomic.Int64 // Unix nanoseconds of the last thing received

	// Guarded by f.mu.
	connected  bool
	channels   map[string]*channelState
	recovering map[*feedRoom]struct{} // had a sink before this session, and lag behind
	told       bool                   // the rooms know that Redis is up

	fills struct {
		sync.Mutex
		queue   []*feedRoom // at most one entry a room: it is in phase filling
		workers int
	}
	wg sync.WaitGroup // writer, closer and fillers
}

// channelState is what was last asked of a channel, and how many answers to
// SUBSCRIBE and UNSUBSCRIBE are outstanding. Only when there are none is it so.
type channelState struct {
	subscribed  bool
	outstanding int
}

func (c *channelState) active() bool { return c.subscribed && c.outstanding == 0 }

func newSession(f *feed) *session {
	return &session{f: f, channels: make(map[string]*channelState), recovering: make(map[*feedRoom]struct{})}
}

// run connects, and receives until the connection fails or ctx ends. It returns
// why, never nil, after all of its goroutines ended.
func (s *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer s.wg.Wait()
	defer cancel(nil)
	s.pubsub = s.f.s.client.Subscribe(ctx)
	s.wg.Go(func() {
		<-ctx.Done()
		_ = s.pubsub.Close() // ends Receive; what it says of a dying connection is no news
	})
	s.channels[s.f.s.keys.control()] = &channelState{subscribed: true, outstanding: 1}
	if err := s.pubsub.Subscribe(ctx, s.f.s.keys.control()); err != nil {
		return err
	}
	s.hear()
	s.wg.Go(func() { cancel(s.write(ctx)) })
	for {
		msg, err := s.pubsub.Receive(ctx)
		if err == nil {
			s.hear()
			err = s.take(ctx, msg)
		}
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		}
	}
}

func (s *session) hear() { s.heard.Store(time.Now().UnixNano()) }

// take handles one thing received. It never waits for Redis: not reading would
// get this connection cut off.
func (s *session) take(ctx context.Context, msg any) error {
	switch m := msg.(type) {
	case *redis.Subscription:
		return s.confirm(ctx, m)
	case *redis.Message:
		s.dispatch(ctx, m)
	}
	return nil
}

// confirm handles the answer to a SUBSCRIBE or UNSUBSCRIBE.
func (s *session) confirm(ctx context.Context, m *redis.Subscription) error {
	f := s.f
	f.mu.Lock()
	state := s.channels[m.Channel]
	if state == nil || state.outstanding == 0 {
		f.mu.Unlock()
		return errResubscribed
	}
	state.outstanding--
	if state.outstanding == 0 && !state.subscribed {
		delete(s.channels, m.Channel)
	}
	room, isRoom := f.s.keys.roomOf(m.Channel)
	r := f.rooms[room]
	active := state.active()
	f.mu.Unlock()
	switch {
	case !active:
	case !isRoom:
		f.connect(s)
		s.wg.Go(func() { f.s.restoreSecret(ctx); f.s.verifyAcked(ctx) })
	case r != nil:
		s.begin(ctx, r)
	}
	return nil
}

// dispatch hands an announcement to its room.
func (s *session) dispatch(ctx context.Context, m *redis.Message) {
	room, ok := s.f.s.keys.roomOf(m.Channel)
	if !ok {
		s.f.s.presence.control(m.Payload)
		return
	}
	events, ok := parseAnnouncement(m.Payload)
	if !ok {
		s.f.s.o.Log.Warn("announcement not understood", "room", room)
		return
	}
	if events[0].Kind == chat.KindPresence {
		s.f.s.presence.seen(room, events[0].Data)
	}
	s.f.mu.Lock()
	r := s.f.rooms[room]
	s.f.mu.Unlock()
	for _, e := range events {
		switch {
		case r == nil:
		case e.Kind == kindTorn:
			if r.doubt() {
				s.fill(ctx, r, "torn")
			}
		case r.announce(e):
			s.fill(ctx, r, "hole")
		}
	}
}

// parseAnnouncement reads what append.lua announces, "<id>\n<json>" once or more,
// line by line, or one live-only event, "\n<kind>\n<json>".
func parseAnnouncement(payload string) (events []chat.Event, ok bool) {
	first, rest, ok := strings.Cut(payload, "\n")
	if first == "" {
		kind, data, ok := strings.Cut(rest, "\n")
		event := chat.Event{Kind: chat.Kind(kind), Data: []byte(data)}
		return []chat.Event{event}, ok && kind != "" && !event.Durable()
	}
	for ; ok; first, rest, ok = strings.Cut(rest, "\n") {
		id, err := chat.ParseEventID(first)
		if err != nil {
			return nil, false
		}
		var data string
		data, rest, _ = strings.Cut(rest, "\n")
		events = append(events, chat.Event{ID: id, Kind: chat.KindMessage, Data: []byte(data)})
	}
	return events, len(events) > 0
}

// write subscribes what is followed and unsubscribes what is not, and pings a
// connection that is silent. It returns why the session must end.
func (s *session) write(ctx context.Context) error {
	// Looked at four times within PingEvery, so that it is kept to within a quarter.
	tick := time.NewTicker(s.f.s.o.PingEvery / 4)
	defer tick.Stop()
	pinged := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.f.wake:
			if err := s.subscribe(ctx); err != nil {
				return err
			}
		case <-tick.C:
			silence := time.Since(time.Unix(0, s.heard.Load()))
			switch {
			case silence > 2*s.f.s.o.PingEvery:
				return errSilent
			case silence < s.f.s.o.PingEvery:
				pinged = false
			case !pinged:
				pinged = true
				if err := s.pubsub.Ping(ctx); err != nil {
					return err
				}
			}
		}
	}
}

// subscribe brings the connection's channels in line with the followed rooms.
func (s *session) subscribe(ctx context.Context) error {
	on, off := s.changes(ctx)
	for chunk := range slices.Chunk(off, subscribeChunk) {
		if err := s.pubsub.Unsubscribe(ctx, chunk...); err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(on, subscribeChunk) {
		if err := s.pubsub.Subscribe(ctx, chunk...); err != nil {
			return err
		}
	}
	return nil
}

// changes is what to subscribe and what to unsubscribe. A room that was
// unfollowed and followed again before anyone looked begins at once: its
// subscription was never given up.
func (s *session) changes(ctx context.Context) (on, off []string) {
	f := s.f
	var begin []*feedRoom
	f.mu.Lock()
	for room := range f.changed {
		channel := f.s.keys.channel(room)
		r, state := f.rooms[room], s.channels[channel]
		switch {
		case r != nil && state == nil:
			s.channels[channel] = &channelState{subscribed: true, outstanding: 1}
			on = append(on, channel)
		case r != nil && !state.subscribed:
			state.subscribed = true
			state.outstanding++
			on = append(on, channel)
		case r != nil && state.active():
			begin = append(begin, r)
		case r == nil && state != nil && state.subscribed:
			state.subscribed = false
			state.outstanding++
			off = append(off, channel)
		}
	}
	clear(f.changed)
	f.mu.Unlock()
	for _, r := range begin {
		s.begin(ctx, r)
	}
	return on, off
}

// begin catches a room up that is subscribed from now on.
func (s *session) begin(ctx context.Context, r *feedRoom) {
	if r.begin() {
		s.f.s.presence.refresh(r.room)
		s.fill(ctx, r, "subscribed")
	}
}
