package store

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
)

const (
	// embeddedMark is a command that only an embedded Redis knows.
	embeddedMark = "CAUSETTE.EMBEDDED"
	// lookEvery is the time between two looks at an address that nobody answers at.
	lookEvery = 250 * time.Millisecond
	// lookTimeout is how long a Redis on this machine has to answer.
	lookTimeout = time.Second
)

// Embedded is a Redis inside this process, for those who have none: the first
// instance on a machine holds it, the others are its clients, and one of them
// takes over when the holder goes away. Nothing in it survives its process.
//
// It stands aside for a real Redis at its address, for good: one that restarts
// must find its port free.
type Embedded struct {
	// Static after construction.
	addr string
	log  *slog.Logger

	holding atomic.Bool

	mu     sync.Mutex
	server *miniredis.Miniredis // guarded by mu; nil unless holding
	looked bool                 // guarded by mu: somebody was seen at addr before
	real   bool                 // guarded by mu: it was a real Redis
	told   neighbour            // guarded by mu: what was last logged
}

// neighbour is who answers at the address.
type neighbour uint8

const (
	unknown neighbour = iota
	nobody
	embedded  // another instance
	realRedis // one that we must not replace
	stranger  // not a Redis at all
)

// Embed makes a Redis at addr if nobody answers there; when it returns, somebody
// does, if anyone can. [Embedded.Run] keeps it so.
func Embed(ctx context.Context, addr string, log *slog.Logger) *Embedded {
	e := &Embedded{addr: addr, log: log}
	watch := e.look(ctx)
	if watch != nil {
		_ = watch.Close() // Run looks again
	}
	return e
}

// Holding reports whether the Redis at the address is this process's own.
func (e *Embedded) Holding() bool { return e.holding.Load() }

// Run moves the embedded Redis's clock while this process holds it, and takes
// over when whoever holds it goes away. It returns when ctx ends, having closed it.
func (e *Embedded) Run(ctx context.Context) error {
	defer e.close()
	for ctx.Err() == nil {
		if e.Holding() {
			e.keepTime(ctx)
			continue
		}
		watch := e.look(ctx)
		if watch != nil {
			e.watch(ctx, watch)
			continue
		}
		if !e.Holding() {
			pause(ctx, lookEvery/2+rand.N(lookEvery/2))
		}
	}
	return nil
}

// look sees who is at the address, and becomes the holder if nobody is. It
// returns a connection to another embedded Redis or a real one, which ends when
// that one goes away; else nil.
func (e *Embedded) look(ctx context.Context) net.Conn {
	conn, who := e.ask(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case who == nobody && !e.real:
		e.hold()
	case who == realRedis:
		e.real = true
	}
	e.tell(who)
	e.looked = e.looked || who != nobody
	return conn
}

// ask finds out who answers at the address.
func (e *Embedded) ask(ctx context.Context) (net.Conn, neighbour) {
	dialer := net.Dialer{Timeout: lookTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", e.addr)
	if err != nil {
		return nil, nobody
	}
	_ = conn.SetDeadline(time.Now().Add(lookTimeout))
	answer := make([]byte, 512)
	_, err = conn.Write([]byte("*1\r\n$17\r\n" + embeddedMark + "\r\n"))
	n := 0
	if err == nil {
		n, err = conn.Read(answer)
	}
	_ = conn.SetDeadline(time.Time{})
	switch {
	case err == nil && answer[0] == '+':
		return conn, embedded
	case err == nil && n > 0 && answer[0] == '-':
		return conn, realRedis
	}
	_ = conn.Close()
	return nil, stranger
}

// hold starts the server, unless somebody was faster. The caller holds mu.
func (e *Embedded) hold() {
	m := miniredis.NewMiniRedis()
	if err := m.StartAddr(e.addr); err != nil {
		return // taken a moment ago: the next look finds who it is
	}
	err := m.Server().Register(embeddedMark, func(c *server.Peer, _ string, _ []string) { c.WriteOK() })
	if err != nil {
		e.log.Error("embedded redis not marked", "error", err) // the name is ours alone: it does not happen
	}
	e.server = m
	e.holding.Store(true)
	if e.looked {
		e.log.Warn("embedded Redis took over at "+e.addr+": what was only in the other's memory is gone", "addr", e.addr)
	} else {
		e.log.Info("embedded Redis started at "+e.addr+": nothing survives this process", "addr", e.addr)
	}
}

// tell logs once who else is at the address. The caller holds mu.
func (e *Embedded) tell(who neighbour) {
	if who == e.told || who == nobody {
		return
	}
	e.told = who
	switch who {
	case embedded:
		e.log.Info("using the embedded Redis of another instance at "+e.addr, "addr", e.addr)
	case realRedis:
		e.log.Info("using the Redis at "+e.addr, "addr", e.addr)
	case stranger:
		e.log.Error("what listens at "+e.addr+" is not a Redis: set REDIS_URL", "addr", e.addr)
	}
}

// watch waits for a connection to end.
func (e *Embedded) watch(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	_, _ = conn.Read(make([]byte, 1)) // nothing is sent: it returns when the connection ends
	// Several may be watching: who is faster binds the address, and the others
	// find it there.
	pause(ctx, rand.N(20*time.Millisecond))
}

// keepTime lets what has a time to live grow older, second by second, until ctx
// ends. miniredis could do so by itself, but then walks every key at each command.
func (e *Embedded) keepTime(ctx context.Context) {
	last := time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			now := time.Now()
			e.server.FastForward(now.Sub(last))
			last = now
		}
	}
}

func (e *Embedded) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.server != nil {
		e.server.Close()
		e.server = nil
		e.holding.Store(false)
	}
}

// pause waits, but not longer than ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
