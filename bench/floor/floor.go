// Package floor is the floor of src/floor.c over again in Go, for machines
// without a C compiler: one thread, one epoll, raw system calls, one write(2) per
// delivery. The C program is the better floor, since Go's runtime wakes up by itself.
//
// # Concurrency properties
//
// Everything belongs to the goroutine that calls Serve.
package floor

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Argument makes the benchmark's own program a floor: it is its first one, and
// the port its second.
const Argument = "floor-server"

const (
	hello   = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\nretry: 1000\n\n"
	created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"

	maxRequest = 8192
	batch      = 256
	patience   = 1000 // ms that a reader whose socket is full is waited for
)

// server is the readers, and the requests that are not whole yet.
type server struct {
	epoll    int
	readers  []int
	place    map[int]int // where a reader stands
	requests map[int][]byte
	buffer   [maxRequest]byte
}

// Serve listens on a port of 127.0.0.1 until it fails.
func Serve(port int) error {
	runtime.LockOSThread()
	debug.SetGCPercent(-1) // there is next to no garbage
	listener, err := listen(port)
	if err != nil {
		return err
	}
	s := &server{place: map[int]int{}, requests: map[int][]byte{}}
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	if err := s.watch(unix.EPOLL_CTL_ADD, listener, unix.EPOLLIN); err != nil {
		return err
	}
	events := make([]unix.EpollEvent, batch)
	for {
		n, err := unix.EpollWait(s.epoll, events, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("epoll: %w", err)
		}
		for _, e := range events[:max(0, n)] {
			if int(e.Fd) == listener {
				s.welcome(listener)
			} else {
				s.ready(int(e.Fd))
			}
		}
	}
}

func listen(port int) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
	}
	if err == nil {
		err = unix.Listen(fd, 65535)
	}
	if err != nil {
		return -1, fmt.Errorf("listen on %d: %w", port, err)
	}
	return fd, nil
}

func (s *server) watch(op, fd int, events uint32) error {
	return unix.EpollCtl(s.epoll, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

func (s *server) welcome(listener int) {
	for {
		fd, _, err := unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		s.requests[fd] = nil
		if s.watch(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN) != nil {
			s.drop(fd)
		}
	}
}

// ready reads; from a reader, that it hung up.
func (s *server) ready(fd int) {
	request, asking := s.requests[fd]
	n, err := unix.Read(fd, s.buffer[:maxRequest-len(request)])
	if errors.Is(err, unix.EAGAIN) {
		return
	}
	if err != nil || n <= 0 {
		s.drop(fd)
		return
	}
	if !asking {
		return
	}
	request = append(request, s.buffer[:n]...)
	for whole := true; whole; {
		request, whole = s.serve(fd, request)
	}
}

// serve takes one whole request from what came, and returns what follows it.
func (s *server) serve(fd int, request []byte) (rest []byte, whole bool) {
	head, body, found := bytes.Cut(request, []byte("\r\n\r\n"))
	length := contentLength(head)
	switch {
	case found && bytes.HasPrefix(head, []byte("GET ")):
		delete(s.requests, fd)
		s.place[fd] = len(s.readers)
		s.readers = append(s.readers, fd)
		if !deliver(fd, []byte(hello)) {
			s.drop(fd)
		}
		return nil, false
	case !found || len(body) < length:
		s.requests[fd] = request
		return nil, false
	case !deliver(fd, []byte(created)):
		s.drop(fd)
		return nil, false
	}
	for _, reader := range slices.Backward(s.readers) { // from the end, since a drop moves the last one
		if !deliver(reader, body[:length]) {
			s.drop(reader)
		}
	}
	s.requests[fd] = nil
	return body[length:], len(body) > length
}

func contentLength(head []byte) int {
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Content-Length")) {
			n, _ := strconv.Atoi(string(bytes.TrimSpace(value))) // 0 if it is none
			return max(0, n)
		}
	}
	return 0
}

// deliver is the one write(2). A reader whose socket is full is waited for.
func deliver(fd int, p []byte) bool {
	for len(p) > 0 {
		n, err := unix.Write(fd, p)
		if errors.Is(err, unix.EAGAIN) {
			wait := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
			if ready, err := unix.Poll(wait, patience); err != nil || ready == 0 {
				return false
			}
			continue
		}
		if err != nil {
			return false
		}
		p = p[n:]
	}
	return true
}

func (s *server) drop(fd int) {
	if at, reads := s.place[fd]; reads {
		last := s.readers[len(s.readers)-1]
		s.readers[at] = last
		s.place[last] = at
		s.readers = s.readers[:len(s.readers)-1]
		delete(s.place, fd)
	}
	delete(s.requests, fd)
	_ = unix.Close(fd) // nothing is left to send
}
