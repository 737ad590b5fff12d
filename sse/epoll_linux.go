package sse

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

const (
	// maxEvents is how many sockets' events are taken from the kernel at once.
	maxEvents = 256
	// atFirst is what a loop wants to know of a socket: that its client is gone,
	// which is also said of one that only ended its side: net/http takes both for
	// the same.
	atFirst = unix.EPOLLET | unix.EPOLLRDHUP
	// onceFull adds that it has room again. Every socket has room when it comes,
	// and being told so was a quarter of the cost of its coming.
	onceFull = atFirst | unix.EPOLLOUT
)

// enlist has the kernel tell of a reader's socket, what is true of it already
// included: a client that hung up on its way here is not missed.
func (l *loop) enlist(r *reader) error {
	l.gen++
	r.gen = l.gen
	return l.control(unix.EPOLL_CTL_ADD, r, atFirst)
}

func (l *loop) control(op int, r *reader, events uint32) error {
	return unix.EpollCtl(l.epoll, op, int(r.fd), &unix.EpollEvent{Events: events, Fd: r.fd, Pad: int32(r.gen)})
}

// block leaves a reader alone whose socket is full, until the kernel says that
// it has room again: also if that came about before it was asked to. Should it
// refuse to be asked, the write timeout is left.
func (l *loop) block(r *reader) {
	r.blocked = true
	if !r.asked {
		r.asked = l.control(unix.EPOLL_CTL_MOD, r, onceFull) == nil
	}
}

// watch waits for the kernel's events and hands them to the loop, batch by
// batch: the loop sleeps on what happens in rooms and in sockets alike. It owns
// the batch while the loop doesn't.
func (l *loop) watch() {
	raw, err := l.file.SyscallConn()
	buf := make([]unix.EpollEvent, maxEvents)
	for err == nil {
		n := 0
		var failure error
		err = raw.Read(func(uintptr) bool {
			n, failure = l.poll(buf)
			return n > 0 || failure != nil // else wait until there is something
		})
		if err = errors.Join(err, failure); err != nil {
			break
		}
		select {
		case l.events <- buf[:n]:
			<-l.taken
		case <-l.over:
			return
		}
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) { // which is how close says so
		l.hub.o.Log.Error("sockets are not watched any more", "error", err)
	}
}

// poll takes what the kernel has to say, without waiting.
func (l *loop) poll(buf []unix.EpollEvent) (n int, err error) {
	for {
		n, err = unix.EpollWait(l.epoll, buf, 0)
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}

// handle takes what the kernel says of sockets.
func (l *loop) handle(events []unix.EpollEvent) {
	for _, e := range events {
		if int(e.Fd) >= len(l.table) {
			continue // it never got in
		}
		r := l.table[e.Fd]
		switch {
		case r == nil || r.gen != uint32(e.Pad): // it ended after the kernel spoke
		case e.Events&unix.EPOLLERR != 0:
			l.end(r, verdictOf(r.fd))
		case e.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP) != 0:
			l.end(r, hangup)
		case r.blocked:
			l.unblock(r)
		}
	}
}

// unblock goes on with a reader whose socket was full. One that is behind its tail
// is given the rest of its frame, so that nothing comes between, and waits its turn.
func (l *loop) unblock(r *reader) {
	r.blocked = false
	if r.behind == nil || r.behind.joined {
		l.attendFull(r)
		return
	}
	n, why := l.sendRest(r)
	if n > 0 {
		r.last = l.wheel.now
	}
	switch {
	case why != "":
		l.end(r, why)
	case !r.blocked && !r.behind.waits:
		l.soon(r)
	}
}

// attendFull attends to a reader whose socket was full. Where that brought nothing,
// the write timeout runs on.
func (l *loop) attendFull(r *reader) (written int) {
	last := r.last
	if written = l.attend(r); r.blocked && written == 0 {
		r.last = last
	}
	return written
}
