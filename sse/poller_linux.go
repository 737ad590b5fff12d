package sse

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// poller writes to many clients from few goroutines: it takes a stream's socket
// from net/http once the stream has joined its tail, and what stays of the client
// is a reader in one of its loops: no goroutine, no buffer, no request.
type poller struct {
	hub   *Hub
	loops []*loop
	turn  atomic.Uint32 // the next socket's loop, in turn
}

// newPoller starts a loop for each processor.
func newPoller(h *Hub) (*poller, error) {
	p := &poller{hub: h}
	for range runtime.GOMAXPROCS(0) {
		l, err := newLoop(h)
		if err != nil {
			p.close()
			return nil, fmt.Errorf("start poller: %w", err)
		}
		p.loops = append(p.loops, l)
	}
	return p, nil
}

// close ends every stream and waits for the loops.
func (p *poller) close() {
	if p == nil {
		return
	}
	for _, l := range p.loops {
		l.close()
	}
}

type connKey struct{}

// ConnContext is for [http.Server.ConnContext]: it lets a hub find the socket
// under a request, to take it over. Without it every stream keeps its goroutine.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// take takes the stream's socket over and answers errTaken, or nil where it
// can't be had: over TLS, over HTTP/2, or from a server without ConnContext.
// Another error ends the stream.
//
// The descriptor is duplicated and the original closed, so that net/http and the
// runtime's own poller forget it, and the loop is the only one who ever writes to
// the duplicate or closes it.
func (p *poller) take(s *stream) error {
	r := s.request
	conn, ok := r.Context().Value(connKey{}).(*net.TCPConn)
	if p == nil || !ok || r.ProtoMajor != 1 {
		return nil
	}
	fd, err := duplicate(conn)
	if err != nil {
		p.hub.o.Log.Error("stream refused: no descriptor left for its socket; raise the limit of open files", "error", err)
		return full
	}
	if _, _, err := s.out.control.Hijack(); err != nil {
		_ = unix.Close(fd)
		return hangup
	}
	_ = conn.Close() // the duplicate keeps the connection
	if err := prepare(fd, s.hub.o); err != nil {
		_ = unix.Close(fd)
		return hangup
	}
	l := p.loops[p.turn.Add(1)%uint32(len(p.loops))]
	l.add(newcomer{
		reader: &reader{fd: int32(fd), cursor: s.cursor, session: s.sub.Person.ID},
		entry:  s.entry, tail: s.tail,
	})
	return errTaken
}

// duplicate makes another descriptor of a connection's socket.
func duplicate(conn *net.TCPConn) (fd int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd = -1
	errControl := raw.Control(func(original uintptr) {
		fd, err = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0)
	})
	return fd, errors.Join(errControl, err)
}

// prepare has the kernel cut a peer that has acknowledged nothing for the write
// timeout: one whose machine or network is gone, and will not say so.
func prepare(fd int, o Options) error {
	return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(o.WriteTimeout.Milliseconds()))
}

// release counts a stream out that the poller had.
func (h *Hub) release(e *entry, session string, why reason) {
	h.o.Metrics.closes.WithLabelValues(string(why)).Inc()
	h.part(e.id, session)
	h.leave(e)
	h.dismiss()
}
