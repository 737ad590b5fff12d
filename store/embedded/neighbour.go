package embedded

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"time"
)

const (
	// mark is a command that only an embedded Redis knows.
	mark = "CAUSETTE.EMBEDDED"
	// lookTimeout is how long a Redis on this machine has to answer.
	lookTimeout = time.Second
)

// place is where a Redis may listen.
type place struct{ network, address string }

// neighbour is who answers at a place.
type neighbour uint8

const (
	nobody   neighbour = iota
	mute               // who takes connections and does not answer
	another            // another instance's embedded Redis
	ownRedis           // the machine's own
	stranger           // not a Redis at all
)

// ask finds out who answers at a place.
func ask(ctx context.Context, at place) (net.Conn, neighbour) {
	dialer := net.Dialer{Timeout: lookTimeout}
	conn, err := dialer.DialContext(ctx, at.network, at.address)
	if err != nil {
		return nil, nobody
	}
	_ = conn.SetDeadline(time.Now().Add(lookTimeout))
	answer := make([]byte, 512)
	_, err = conn.Write([]byte("*1\r\n$17\r\n" + mark + "\r\n"))
	n := 0
	if err == nil {
		n, err = conn.Read(answer)
	}
	_ = conn.SetDeadline(time.Time{})
	switch {
	case err == nil && n > 0 && answer[0] == '+':
		return conn, another
	case err == nil && n > 0 && answer[0] == '-':
		return conn, ownRedis
	}
	_ = conn.Close()
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return nil, mute
	}
	return nil, stranger
}

// wait waits for a connection to end.
func wait(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	_, _ = conn.Read(make([]byte, 1)) // nothing is sent: it returns when the connection ends
	// Several may be waiting: who is faster takes the lock, and the others find it there.
	pause(ctx, rand.N(20*time.Millisecond))
}
