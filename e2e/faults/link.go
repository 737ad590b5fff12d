package main

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// chunk is how much a link passes on at a time, in bytes.
const chunk = 16 << 10

// link is a TCP proxy on loopback that can be harmed. What comes in goes to the
// next of its targets that accepts it.
type link struct {
	// Static after construction.
	listener net.Listener
	targets  []string
	cancel   context.CancelFunc
	wg       sync.WaitGroup // accept loop and connections

	mu      sync.Mutex
	turn    int              // guarded by mu; the next target
	conns   map[net.Conn]int // guarded by mu; both sides of every connection, and its target
	down    bool             // guarded by mu; who comes is turned away
	delay   time.Duration    // guarded by mu; of every chunk
	rate    int              // guarded by mu; bytes a second towards who came; 0 = no limit
	flowing chan struct{}    // guarded by mu; closed unless the link is stalled
}

// newLink listens on a free port and passes on to targets, beginning with the one
// at first.
func newLink(ctx context.Context, first int, targets ...string) (*link, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	l := &link{listener: listener, targets: targets, cancel: cancel, turn: first, conns: map[net.Conn]int{}, flowing: make(chan struct{})}
	close(l.flowing)
	l.wg.Go(func() { l.accept(ctx) })
	return l, nil
}

func (l *link) address() string { return l.listener.Addr().String() }

// close ends the link and waits for its connections.
func (l *link) close() {
	l.cancel()
	_ = l.listener.Close()
	l.cut()
	l.heal()
	l.wg.Wait()
}

func (l *link) accept(ctx context.Context) {
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.wg.Go(func() { l.serve(ctx, conn) })
	}
}

// serve joins one connection to a target until either side ends.
func (l *link) serve(ctx context.Context, near net.Conn) {
	far, target := l.dial(ctx)
	if far == nil {
		reset(near)
		return
	}
	if !l.add(near, far, target) {
		reset(near)
		reset(far)
		return
	}
	var both sync.WaitGroup
	both.Go(func() { l.pass(ctx, far, near, false) })
	both.Go(func() { l.pass(ctx, near, far, true) })
	both.Wait()
	l.mu.Lock()
	delete(l.conns, near)
	delete(l.conns, far)
	l.mu.Unlock()
	_ = near.Close()
	_ = far.Close()
}

// dial connects to the next target that accepts, nil if none does.
func (l *link) dial(ctx context.Context) (net.Conn, int) {
	small := net.Dialer{Timeout: 2 * time.Second, Control: func(_, _ string, c syscall.RawConn) error {
		// What a stalled or throttled link holds must soon be felt at its other end.
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, chunk) })
	}}
	for range l.targets {
		l.mu.Lock()
		target := l.turn % len(l.targets)
		l.turn++
		l.mu.Unlock()
		if conn, err := small.DialContext(ctx, "tcp", l.targets[target]); err == nil {
			return conn, target
		}
	}
	return nil, 0
}

func (l *link) add(near, far net.Conn, target int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return false
	}
	l.conns[near], l.conns[far] = target, target
	return true
}

// pass copies one direction. The end of it ends both: no protocol here goes on
// half closed.
func (l *link) pass(ctx context.Context, to, from net.Conn, back bool) {
	defer func() { _ = to.Close() }()
	buffer := make([]byte, chunk)
	for {
		n, err := from.Read(buffer)
		if !l.hand(ctx, to, buffer[:n], back) {
			return
		}
		if err != nil {
			if errors.Is(err, syscall.ECONNRESET) {
				reset(to)
			}
			return
		}
	}
}

// hand writes p, or holds the end of the stream back where p is empty, by as much at
// a time as the link passes on in a tenth of a second, so that it is soon felt when
// the link gets slower or faster. It reports false when the connection or the link has ended.
func (l *link) hand(ctx context.Context, to net.Conn, p []byte, back bool) bool {
	for {
		l.mu.Lock()
		n := len(p)
		if back && l.rate > 0 {
			n = min(n, max(1, l.rate/10))
		}
		l.mu.Unlock()
		if !l.hold(ctx, n, back) {
			return false
		}
		if _, err := to.Write(p[:n]); err != nil {
			return false
		}
		if p = p[n:]; len(p) == 0 {
			return true
		}
	}
}

// hold keeps n bytes, or the end of the stream, back for as long as the link
// takes. It reports false when the link has ended.
func (l *link) hold(ctx context.Context, n int, back bool) bool {
	for {
		l.mu.Lock()
		flowing, wait := l.flowing, l.delay
		if back && l.rate > 0 {
			wait += time.Duration(n) * time.Second / time.Duration(l.rate)
		}
		l.mu.Unlock()
		select {
		case <-flowing:
		case <-ctx.Done():
			return false
		}
		if wait > 0 && pause(ctx, wait) != nil {
			return false
		}
		l.mu.Lock()
		same := l.flowing == flowing
		l.mu.Unlock()
		if same {
			return true
		}
	}
}

// cut resets every connection. New ones are accepted, unless the link is down.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.conns {
		reset(conn)
	}
}

// takeDown resets every connection, and every new one, until heal.
func (l *link) takeDown() {
	l.mu.Lock()
	l.down = true
	l.mu.Unlock()
	l.cut()
}

// stall keeps every connection open, and new ones too, and passes nothing on, not
// even that a side has closed, until heal.
func (l *link) stall() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.flowing:
		l.flowing = make(chan struct{})
	default:
	}
}

// slow delays every chunk, and lets so many bytes a second come back (0 = no limit).
func (l *link) slow(delay time.Duration, rate int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delay, l.rate = delay, rate
}

// heal ends all harm.
func (l *link) heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down, l.delay, l.rate = false, 0, 0
	select {
	case <-l.flowing:
	default:
		close(l.flowing)
	}
}

// reset ends a connection as a crashed peer would: at once, with an RST.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// pause waits, or returns why ctx ended first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
