package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	errSilent = errors.New("connection does not answer")
	errEnded  = errors.New("no rooms left")
)

// session is one pub/sub connection of a link, from its first subscription until it fails.
type session struct {
	// Static after construction.
	l *link

	// Static after run began.
	pubsub  *redis.PubSub
	sharded bool // rooms' channels are subscribed by SSUBSCRIBE

	heard atomic.Int64 // Unix nanoseconds of the last thing received

	// Guarded by feed.mu.
	connected bool
	channels  channels

	wg sync.WaitGroup // writer, closer and the checks of a new connection
}

func newSession(l *link) *session { return &session{l: l, channels: newChannels()} }

// run connects, and receives until the connection fails, or ctx or the link ends. It
// returns why, never nil, after all of its goroutines ended.
func (s *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer s.wg.Wait()
	defer cancel(nil)
	s.pubsub = s.l.client.Subscribe(ctx)
	s.wg.Go(func() {
		select {
		case <-ctx.Done():
		case <-s.l.ended:
			cancel(errEnded)
		}
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
		} else {
			err = s.refused(ctx, err)
		}
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		}
	}
}

// open makes the connection. The control channel's stands once that is subscribed;
// a master's, once the master said whether it has SPUBLISH, asked after it was made: should
// another server be there next, this connection is gone.
func (s *session) open(ctx context.Context) error {
	f := s.l.f
	if s.l == f.control {
		f.mu.Lock()
		s.channels.want(f.s.keys.control(), true)
		f.mu.Unlock()
		return s.pubsub.Subscribe(ctx, f.s.keys.control())
	}
	if err := s.pubsub.Ping(ctx); err != nil {
		return err
	}
	sharded, err := f.s.hasSPublish(ctx, s.l.client)
	if err != nil {
		return err
	}
	s.sharded = sharded
	s.stand(ctx)
	return nil
}

// stand says that the connection stands.
func (s *session) stand(ctx context.Context) {
	s.l.connect(s)
	s.wg.Go(func() {
		if s.l == s.l.f.control {
			s.l.f.s.restoreSecret(ctx)
		}
		s.l.f.s.verifyAcked(ctx, s.l.serves)
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

// confirm handles the answer to a subscription or its end, or Redis's ending one.
func (s *session) confirm(ctx context.Context, m *redis.Subscription) error {
	f := s.l.f
	f.mu.Lock()
	is, err := s.channels.confirmed(m.Channel, m.Kind == "subscribe" || m.Kind == "ssubscribe", s.sharded)
	room, isRoom := f.s.keys.roomOf(m.Channel)
	r := s.l.rooms[room]
	switch {
	case r == nil:
	case is == subscribed:
		f.begin(r)
	case is == withdrawn:
		r.suspend()
		f.displace(r)
	}
	f.mu.Unlock()
	switch {
	case is == subscribed && !isRoom:
		s.stand(ctx)
	case is == withdrawn:
		f.s.reroute(ctx)
	}
	return err
}

// refused handles an error in the place of a confirmation. That another node has the
// slot, or none, concerns only the channel; anything else is returned.
func (s *session) refused(ctx context.Context, err error) error {
	_, moved := redis.IsMovedError(err)
	if !s.sharded || !moved && !redis.IsClusterDownError(err) {
		return err
	}
	f := s.l.f
	f.mu.Lock()
	channel, is, ok := s.channels.refused()
	room, _ := f.s.keys.roomOf(channel)
	if r := s.l.rooms[room]; r != nil && is == withdrawn {
		f.unroute(r) // it is tried again, but not at once
	}
	f.mu.Unlock()
	if !ok {
		return err
	}
	f.s.reroute(ctx)
	return nil
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
