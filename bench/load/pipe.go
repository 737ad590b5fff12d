package load

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// pipe is a connection that posts: it sends requests, however many are
// unanswered, and counts the answers. Order is kept by HTTP/1.1 pipelining.
type pipe struct {
	process  *process
	fd       int
	open     bool   // connected
	events   uint32 // that the epoll waits for
	out      []byte // not sent yet
	replies  responses
	waiting  int // requests that are not answered
	answered int
	refused  int
	err      error       // why no more can be sent
	done     func(n int) // called when n answers came; may be nil
}

func (p *process) newPipe(address string, done func(n int)) (*pipe, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	c := &pipe{process: p, done: done}
	c.fd, err = p.dial(to, netip.AddrPort{}, c)
	return c, err
}

// send sends a request, after those before it.
func (c *pipe) send(request []byte) {
	c.waiting++
	c.out = append(c.out, request...)
	if c.open && c.err == nil {
		c.push()
	}
}

// push writes what it can of out, and waits for the socket with the rest.
func (c *pipe) push() {
	n, err := unix.Write(c.fd, c.out)
	if err != nil && !errors.Is(err, unix.EAGAIN) {
		c.fail(err)
		return
	}
	c.out = c.out[:copy(c.out, c.out[max(0, n):])]
	c.listen()
}

// listen waits for answers, and for the socket if something is left to send.
func (c *pipe) listen() {
	events := uint32(unix.EPOLLIN)
	if len(c.out) > 0 {
		events |= unix.EPOLLOUT
	}
	if events == c.events {
		return
	}
	c.events = events
	if err := c.process.watch(c.fd, c, unix.EPOLL_CTL_MOD, events); err != nil {
		c.fail(err)
	}
}

// ready implements [socket].
func (c *pipe) ready(events uint32) {
	if events&unix.EPOLLOUT != 0 {
		c.open = true
		c.push()
	}
	if events&^unix.EPOLLOUT == 0 || c.err != nil {
		return
	}
	chunk, err := c.process.read(c.fd)
	if err != nil {
		c.fail(err)
		return
	}
	done, refused, err := c.replies.feed(chunk)
	c.waiting -= done
	c.answered += done
	c.refused += refused
	if err != nil {
		c.fail(err)
		return
	}
	if done > 0 && c.done != nil {
		c.done(done)
	}
}

func (c *pipe) fail(err error) {
	c.err = err
	c.process.blame("posting: %v", err)
	c.close()
}

// close may be called twice.
func (c *pipe) close() {
	if c.fd >= 0 {
		c.process.close(c.fd)
		c.fd = -1
	}
}

// verdict says what was refused, if anything was.
func (c *pipe) verdict() string {
	if c.refused == 0 {
		return ""
	}
	return fmt.Sprintf("%d posts were refused, the first with %d", c.refused, c.replies.firstRefusal)
}
