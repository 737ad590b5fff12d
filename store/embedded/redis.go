package embedded

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"
)

const (
	// lookEvery is the time between two looks where nobody answers.
	lookEvery = 250 * time.Millisecond
	// dialTimeout is how long a connection to one may take.
	dialTimeout = 2 * time.Second
)

// errNobody is why there is no connection.
var errNobody = errors.New("no Redis was found on this machine, and none could be embedded")

// Options say where a Redis is looked for, and where one is embedded.
type Options struct {
	// Address is host:port of the machine's own Redis, which goes before one to embed.
	Address string
	// RuntimeDir is this user's directory for sockets ($XDG_RUNTIME_DIR), "" for none.
	RuntimeDir string
	// TempDir is everybody's directory, for a user who has no RuntimeDir.
	TempDir string
	Log     *slog.Logger
}

// Redis is the Redis of a user who named none: the machine's own, or an embedded one,
// of this process or of another.
//
// It never replaces the machine's own once that was used, not even while it is away: it
// has the messages, and will be back.
type Redis struct {
	// Static after construction.
	address string
	sockets []socket // joined wherever it answers, held at the first that can be had
	log     *slog.Logger

	holding atomic.Bool
	at      atomic.Pointer[place] // where it is, or was last; nil before anybody was found

	// Owned by Open, then by Run.
	server *server // nil unless holding
	seen   bool    // somebody was found before
	real   bool    // it was a Redis that must not be replaced
	told   string  // what was last logged
}

// Open finds a Redis, or embeds one if there is none; when it returns, somebody answers,
// if anyone can. [Redis.Run] keeps it so.
func Open(ctx context.Context, o Options) *Redis {
	r := &Redis{address: o.Address, sockets: sockets(o.RuntimeDir, o.TempDir), log: o.Log}
	watch := r.look(ctx)
	if watch != nil {
		_ = watch.Close() // Run looks again
	}
	return r
}

// Holding reports whether this process holds the embedded Redis.
func (r *Redis) Holding() bool { return r.holding.Load() }

// Dial connects to wherever the Redis is now. A connection need not be told when that
// changes: it does only where the Redis that it went to has closed all of its own.
func (r *Redis) Dial(ctx context.Context) (net.Conn, error) {
	at := r.at.Load()
	if at == nil {
		return nil, errNobody
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	return dialer.DialContext(ctx, at.network, at.address)
}

// Run moves the embedded Redis's clock while this process holds it, and takes over when
// whoever holds it goes away. It returns when ctx ends, having closed it.
func (r *Redis) Run(ctx context.Context) error {
	defer r.release()
	for ctx.Err() == nil {
		if r.Holding() {
			r.keep(ctx)
			continue
		}
		watch := r.look(ctx)
		if watch != nil {
			wait(ctx, watch)
			continue
		}
		if !r.Holding() {
			pause(ctx, lookEvery/2+rand.N(lookEvery/2))
		}
	}
	return nil
}

// look sees who is there, and becomes the holder if nobody is. It returns a connection
// to another's embedded Redis or to the machine's own, which ends when that one goes
// away; else nil.
func (r *Redis) look(ctx context.Context) net.Conn {
	conn, who, at := r.find(ctx)
	switch who {
	case nobody:
		if !r.real {
			r.hold(ctx)
		}
		return nil
	case another, ownRedis:
		r.at.Store(&at)
		r.real = r.real || who == ownRedis
	}
	r.seen = true
	r.tell(who, at)
	return conn
}

// find asks this user's sockets first, so that all who start are in step with those who
// run, even if a Redis appeared at the address meanwhile.
func (r *Redis) find(ctx context.Context) (net.Conn, neighbour, place) {
	if r.real {
		at := *r.at.Load()
		conn, who := ask(ctx, at)
		return conn, who, at
	}
	for _, s := range r.sockets {
		if s.check() != nil {
			continue // not there, or not to be trusted: hold says so if it matters
		}
		at := s.place()
		if conn, who := ask(ctx, at); who != nobody {
			return conn, who, at
		}
	}
	at := place{"tcp", r.address}
	conn, who := ask(ctx, at)
	return conn, who, at
}

// hold embeds a Redis at the first socket that can be had, unless somebody is faster.
func (r *Redis) hold(ctx context.Context) {
	var refused []error
	for _, s := range r.sockets {
		l, err := s.listen(ctx)
		if errors.Is(err, errHeld) {
			return // taken a moment ago: the next look finds who it is
		}
		if err == nil {
			r.server, err = serve(l, r.log)
		}
		if err != nil {
			refused = append(refused, err)
			continue
		}
		at := s.place()
		r.at.Store(&at)
		r.holding.Store(true)
		if len(refused) > 0 { // whoever may use the first choice would not meet this one
			r.log.Warn("the first choice for the embedded Redis's socket can't be used", "error", errors.Join(refused...))
		}
		inside := "; redis-cli -s " + s.path() + " looks into it"
		if r.seen {
			r.log.Warn("embedded Redis took over: what was only in the other's memory is gone"+inside, "socket", s.path())
		} else {
			r.log.Info("embedded Redis started: nothing survives this process"+inside, "socket", s.path())
		}
		r.seen = true
		return
	}
	err := errors.Join(refused...)
	if r.isNews(err.Error()) {
		r.log.Error("no Redis at "+r.address+", and none can be embedded: set REDIS_URL, "+
			"or XDG_RUNTIME_DIR to a directory that is yours alone", "error", err)
	}
}

// tell logs once who is there.
func (r *Redis) tell(who neighbour, at place) {
	switch who {
	case another:
		if at.network == "tcp" {
			r.say(slog.LevelInfo, "using the embedded Redis of another instance, of an older version, at "+at.address)
			return
		}
		r.say(slog.LevelInfo, "using the embedded Redis of another instance at "+at.address)
	case ownRedis:
		r.say(slog.LevelInfo, "using the Redis at "+at.address)
	case mute:
		r.say(slog.LevelError, "what listens at "+at.address+" does not answer: wait for it, or set REDIS_URL")
	case stranger:
		r.say(slog.LevelError, "what listens at "+at.address+" is not a Redis: set REDIS_URL")
	}
}

func (r *Redis) say(level slog.Level, what string) {
	if r.isNews(what) {
		r.log.Log(context.Background(), level, what)
	}
}

func (r *Redis) isNews(what string) bool {
	news := r.told != what
	r.told = what
	return news
}

// keep lets what has a time to live grow older, second by second, until ctx ends or the
// socket is gone. miniredis could do so by itself, but then walks every key at each command.
func (r *Redis) keep(ctx context.Context) {
	last := time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		r.server.age(now.Sub(last))
		last = now
		if !r.server.listener.stands() {
			// Newcomers would make another one, and the two would never meet.
			r.log.Warn("the embedded Redis's socket was removed: it is given up, and looked for anew", "socket", r.at.Load().address)
			r.release()
			return
		}
	}
}

// release closes what this process holds, if it does.
func (r *Redis) release() {
	if r.server == nil {
		return
	}
	r.holding.Store(false)
	r.server.close()
	r.server = nil
}

// pause waits, but not longer than ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
