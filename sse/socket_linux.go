package sse

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"unsafe"

	"golang.org/x/sys/unix"
)

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

// sendBuffer is how many bytes the kernel keeps at most of what a client has yet to
// acknowledge. Left to itself it lets that grow to 4 MB (tcp_wmem) for whoever reads
// nothing, of the same memory that a container's limit counts. So much a
// round trip is still more than a megabyte a second for a reader 100 ms away. The
// kernel doubles it, for what it needs itself.
const sendBuffer = 128 << 10

// boundSocket bounds what the kernel keeps for a stream, before anything is sent.
func boundSocket(r *http.Request) {
	conn := r.Context().Value(connKey{})
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if c, ok := conn.(*net.TCPConn); ok {
		_ = c.SetWriteBuffer(sendBuffer) // one that is closed will tell
	}
}

// prepare has the kernel cut a peer that has acknowledged nothing for the write
// timeout: one whose machine or network is gone, and will not say so.
func prepare(fd int, o Options) error {
	return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(max(1, o.WriteTimeout.Milliseconds())))
}

// send gives p to a socket, and returns how much of it the kernel took: not all
// of it where the socket is full, which is no error. It never waits, whatever
// the descriptor's flags are.
//
// The scheduler is not told of the call, as it is of one that may block: an
// announced call of more than 20 µs, and over loopback many are, has Go's
// monitor take the processor away and wake a thread to go on with it: that cost
// 12 to 22 % of a delivery. The price of this is that a collection's stop waits
// for the one call under way.
func send(fd int32, p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)),
			unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EAGAIN:
			return 0, nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// swallow throws away what a client sent after its request, up to a bound. A
// socket that is closed over unread input is reset, and the peer's system may
// then throw away the bye that it has not handed on yet.
func swallow(fd int32) {
	var buf [4 << 10]byte
	for range 16 {
		if n, err := unix.Read(int(fd), buf[:]); n < len(buf) || err != nil {
			return
		}
	}
}

// verdictOf says why a socket failed, which is asked for once: one whose peer
// acknowledged nothing for the write timeout was slow, for good.
func verdictOf(fd int32) reason {
	code, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && unix.Errno(code) == unix.ETIMEDOUT {
		return slow
	}
	return hangup
}
