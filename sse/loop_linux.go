package sse

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// maxEvents is how many sockets' events are taken from the kernel at once.
const maxEvents = 256

// newcomer is a reader on its way into a loop.
type newcomer struct {
	*reader
	entry *entry
	tail  *tail
}

// loop owns a share of the sockets: one goroutine that walks the readers of the
// rooms that have grown, and one that waits for the kernel's word that a full
// socket has room again or that a client hung up.
type loop struct {
	// Static after construction.
	hub    *Hub
	epoll  int      // descriptor
	file   *os.File // epoll, as the runtime's own poller knows it, so that waiting costs no thread
	wake   chan struct{}
	events chan []unix.EpollEvent // from the watcher, which waits for taken
	taken  chan struct{}
	over   chan struct{} // closed by close
	tasks  sync.WaitGroup

	mu     sync.Mutex
	queue  []*group   // guarded by mu: rooms that have grown
	inbox  []newcomer // guarded by mu
	closed bool       // guarded by mu: nobody comes in any more

	// Owned by the loop's goroutine.
	table  []*reader // by descriptor
	groups map[*tail]*group
	gen    uint32
	wheel  *wheel
	leave  *departure // nil until the hub drains
}

func newLoop(h *Hub) (*loop, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(fmt.Errorf("epoll: %w", err), unix.Close(fd))
	}
	l := &loop{
		hub: h, epoll: fd, file: os.NewFile(uintptr(fd), "epoll"),
		wake: make(chan struct{}, 1), events: make(chan []unix.EpollEvent), taken: make(chan struct{}), over: make(chan struct{}),
		groups: make(map[*tail]*group), wheel: newWheel(h.o.Heartbeat),
	}
	l.tasks.Go(l.watch)
	l.tasks.Go(l.run)
	return l, nil
}

// add hands a reader to the loop, which closes its descriptor in the end.
func (l *loop) add(n newcomer) {
	l.mu.Lock()
	closed := l.closed
	if !closed {
		l.inbox = append(l.inbox, n)
	}
	l.mu.Unlock()
	if closed {
		_ = unix.Close(int(n.fd))
		l.hub.release(n.entry, n.session, drain)
		return
	}
	l.rouse()
}

func (l *loop) enqueue(g *group) {
	l.mu.Lock()
	l.queue = append(l.queue, g)
	l.mu.Unlock()
	l.rouse()
}

func (l *loop) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *loop) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	close(l.over)
	_ = l.file.SetReadDeadline(time.Now()) // the watcher stops waiting
	l.tasks.Wait()
	_ = l.file.Close()
}

// watch waits for the kernel's events and hands them to the loop, batch by batch.
func (l *loop) watch() {
	raw, err := l.file.SyscallConn()
	if err != nil {
		l.hub.o.Log.Error("epoll is not watched", "error", err)
		return
	}
	buf := make([]unix.EpollEvent, maxEvents)
	for {
		n := 0
		err := raw.Read(func(fd uintptr) bool {
			n, err = unix.EpollWait(int(fd), buf, 0)
			return n > 0 || err != nil && !errors.Is(err, unix.EINTR)
		})
		if err != nil {
			return // closed
		}
		select {
		case l.events <- buf[:max(n, 0)]:
			<-l.taken
		case <-l.over:
			return
		}
	}
}

// run is the loop. With work left it looks what else has come, and goes on.
func (l *loop) run() {
	draining := l.hub.draining
	for busy := false; ; busy = l.advance() {
		if busy {
			l.rouse()
		}
		select {
		case <-l.over:
			l.endAll()
			return
		case events := <-l.events:
			l.handle(events)
			l.taken <- struct{}{}
		case <-l.wheel.ticker.C:
			l.tick()
		case <-draining:
			draining = nil
			l.leave = newDeparture(l.hub.o.Drain, l.table)
		case <-l.leave.due():
			l.depart()
		case <-l.wake:
		}
		l.adopt()
	}
}
