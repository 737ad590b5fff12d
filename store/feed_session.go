package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// subscribeChunk is how many channels one SUBSCRIBE names at most.
const subscribeChunk = 500

var errSilent = errors.New("connection does not answer")

// session is one pub/sub connection of a link, from its first subscription until it fails.
type session struct {
	// Static after construction.
	l *link

	// Static after run began.
	pubsub *redis.PubSub

	heard atomic.Int64 // Unix nanoseconds of the last thing received

	// Guarded by feed.mu.
	connected bool
	channels  channels

	wg sync.WaitGroup // writer, closer and the checks of a new connection
}

func newSession(l *link) *session { return &session{l: l, channels: newChannels()} }

// run connects, and receives until the connection fails or ctx ends. It returns
// why, never nil, after all of its goroutines ended.
func (s *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer s.wg.Wait()
	defer cancel(nil)
	s.pubsub = s.l.client.Subscribe(ctx)
	s.wg.Go(func() {
		<-ctx.Done()
		_ = s.pubsub.Close() // ends Receive; what it says of a dying connection is no news
	})
	if err := s.open(ctx); err != nil {
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

// open asks for the control channel. The connection stands once that is subscribed.
func (s *session) open(ctx context.Context) error {
	f := s.l.f
	f.mu.Lock()
	s.channels.want(f.s.keys.control(), true)
	f.mu.Unlock()
	return s.pubsub.Subscribe(ctx, f.s.keys.control())
}

// stand says that the connection stands.
func (s *session) stand(ctx context.Context) {
	s.l.connect(s)
	s.wg.Go(func() {
		s.l.f.s.restoreSecret(ctx)
		s.l.f.s.verifyAcked(ctx)
	})
}

func (s *session) hear() { s.heard.Store(time.Now().UnixNano()) }

// take handles one thing received. It never waits for Redis: not reading would
// get this connection cut off.
func (s *session) take(ctx context.Context, msg any) error {
	switch m := msg.(type) {
	case *redis.Subscription:
		return s.confirm(ctx, m)
	case *redis.Message:
		s.l.f.dispatch(m)
	}
	return nil
}

// confirm handles the answer to a SUBSCRIBE or UNSUBSCRIBE.
func (s *session) confirm(ctx context.Context, m *redis.Subscription) error {
	f := s.l.f
	f.mu.Lock()
	active, err := s.channels.confirmed(m.Channel, m.Kind == "subscribe")
	room, isRoom := f.s.keys.roomOf(m.Channel)
	if r := s.l.rooms[room]; r != nil && active {
		f.begin(r)
	}
	f.mu.Unlock()
	if active && !isRoom {
		s.stand(ctx)
	}
	return err
}

// write subscribes what is followed and unsubscribes what is not, and pings a
// connection that is silent. It returns why the session must end.
func (s *session) write(ctx context.Context) error {
	// Looked at four times within PingEvery, so that it is kept to within a quarter.
	pingEvery := s.l.f.s.o.PingEvery
	tick := time.NewTicker(pingEvery / 4)
	defer tick.Stop()
	pinged := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.l.wake:
			if err := s.subscribe(ctx); err != nil {
				return err
			}
		case <-tick.C:
			silence := time.Since(time.Unix(0, s.heard.Load()))
			switch {
			case silence > 2*pingEvery:
				return errSilent
			case silence < pingEvery:
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

// subscribe brings the connection's channels in line with the link's rooms.
func (s *session) subscribe(ctx context.Context) error {
	on, off := s.changes()
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

// changes is what to subscribe and what to unsubscribe, the latter first. A room that
// was unfollowed and followed again before anyone looked begins at once: its
// subscription was never given up.
func (s *session) changes() (on, off []string) {
	f := s.l.f
	f.mu.Lock()
	defer f.mu.Unlock()
	for room := range s.l.changed {
		channel := f.s.keys.channel(room)
		if s.l.rooms[room] == nil && s.channels.want(channel, false) {
			off = append(off, channel)
		}
	}
	for room := range s.l.changed {
		channel := f.s.keys.channel(room)
		switch r := s.l.rooms[room]; {
		case r == nil:
		case s.channels.want(channel, true):
			on = append(on, channel)
		case s.channels.active(channel):
			f.begin(r)
		}
	}
	clear(s.l.changed)
	return on, off
}
