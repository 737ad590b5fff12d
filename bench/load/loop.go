package load

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// socket is something that waits for its descriptor.
type socket interface{ ready(events uint32) }

// loop is the one epoll of the process, and the sockets in it.
type loop struct {
	clock
	epoll   int
	events  []unix.EpollEvent
	sockets []socket // by descriptor
	reads   int      // how many reads brought something

	// buffer is what a read is made into, behind room for what a reader carried
	// over from its last one.
	buffer [headroom + 256<<10]byte
}

const (
	headroom = 64 // at least a marker
	batch    = 256
)

func newLoop() (*loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &loop{clock: newClock(), epoll: epoll, events: make([]unix.EpollEvent, batch)}, nil
}

// poll lets every socket that is ready have its turn, waiting for the first one
// at most for patience.
func (l *loop) poll(patience time.Duration) error {
	n, err := unix.EpollWait(l.epoll, l.events, 0)
	if n == 0 && err == nil && patience > 0 {
		n, err = unix.EpollWait(l.epoll, l.events, int(patience.Milliseconds())+1)
	}
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("epoll: %w", err)
	}
	for _, e := range l.events[:max(0, n)] {
		if s := l.sockets[e.Fd]; s != nil {
			s.ready(e.Events)
		}
	}
	return nil
}

// read reads what has come for a descriptor. The result is good until the next
// read; it is nil if nothing has come, and err says that the connection is over.
func (l *loop) read(fd int) ([]byte, error) {
	n, err := unix.Read(fd, l.buffer[headroom:])
	switch {
	case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
		return nil, nil
	case err != nil:
		return nil, err
	case n == 0:
		return nil, errHangup
	}
	l.reads++
	return l.buffer[headroom : headroom+n], nil
}

// behind is p, which begins where the last read did, behind what was carried
// over from the one before, at most a headroom.
func (l *loop) behind(carry, p []byte) []byte {
	begin := headroom - len(carry)
	copy(l.buffer[begin:], carry)
	return l.buffer[begin : headroom+len(p)]
}

var errHangup = errors.New("the server hung up")

// dial begins a connection and hands its events to s.
func (l *loop) dial(address, source netip.AddrPort, s socket) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if err := l.begin(fd, address, source, s); err != nil {
		_ = unix.Close(fd) // it was never used
		return -1, err
	}
	return fd, nil
}

func (l *loop) begin(fd int, address, source netip.AddrPort, s socket) error {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	// A close is a reset: ten thousand closed sockets must not stay for a minute.
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	if source.IsValid() {
		// The port is chosen on connecting, when the other end is known.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
		if err := unix.Bind(fd, sockaddr(source)); err != nil {
			return fmt.Errorf("bind %s: %w", source, err)
		}
	}
	if err := unix.Connect(fd, sockaddr(address)); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return fmt.Errorf("connect %s: %w", address, err)
	}
	return l.watch(fd, s, unix.EPOLL_CTL_ADD, unix.EPOLLIN|unix.EPOLLOUT)
}

func sockaddr(a netip.AddrPort) *unix.SockaddrInet4 {
	return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
}

func (l *loop) watch(fd int, s socket, op int, events uint32) error {
	if missing := fd + 1 - len(l.sockets); missing > 0 {
		l.sockets = append(l.sockets, make([]socket, missing)...)
	}
	if err := unix.EpollCtl(l.epoll, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	l.sockets[fd] = s
	return nil
}

// close ends a connection, and with it its place in the epoll.
func (l *loop) close(fd int) {
	l.sockets[fd] = nil
	_ = unix.Close(fd) // it is a reset: nothing can be left to send
}

// end closes every connection, and the epoll.
func (l *loop) end() {
	for fd, s := range l.sockets {
		if s != nil {
			l.close(fd)
		}
	}
	_ = unix.Close(l.epoll) // nothing is left in it
}
