package sse

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A loop that has found something to do for longTurn lets go of its processor for a
// breath. Goroutines that take posts wait for one, and while loops have them all the
// runtime looks only every 10 ms for what came from the network. To yield is no help:
// runtime.Gosched comes back before the runtime has looked. Nor is a longer sleep, which
// is a millisecond or more where nobody else has anything to do.
const longTurn, breath = time.Millisecond, 20 * time.Microsecond

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
	hub      *Hub
	slice    int           // how many readers are written to in a row
	longPass time.Duration // a room whose pass took longer rests
	epoll    int           // descriptor
	file     *os.File      // epoll, as the runtime's own poller knows it, so that waiting costs no thread
	wake     chan struct{}
	events   chan []unix.EpollEvent // from the watcher, which waits for taken
	taken    chan struct{}
	over     chan struct{} // closed by close
	tasks    sync.WaitGroup

	// Guarded by mu, which is held for memory work only.
	mu       sync.Mutex
	queue    queue      // rooms that have grown
	inbox    []newcomer // who has come
	arrivals []step     // those who catch up, with what they waited for
	closed   bool       // nobody comes in any more

	// Owned by the loop's goroutine.
	table   []*reader // by descriptor
	groups  map[*tail]*group
	gen     uint32
	wheel   *wheel
	leave   *departure // nil until the hub drains
	steps   []step     // those who catch up and are next
	resting []*group   // rooms that rest, until rested
	rested  *time.Timer
	sent    int       // bytes not counted yet
	turned  time.Time // since when there was something to do, or the last breath; zero if there is nothing
}

// newLoop makes a loop that start sets going.
func newLoop(h *Hub) (*loop, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // for os.NewFile to know it as one to wait for
		return nil, errors.Join(fmt.Errorf("epoll: %w", err), unix.Close(fd))
	}
	rested := time.NewTimer(0)
	rested.Stop()
	return &loop{
		hub: h, slice: slice, longPass: longPass, epoll: fd, file: os.NewFile(uintptr(fd), "epoll"),
		wake: make(chan struct{}, 1), events: make(chan []unix.EpollEvent), taken: make(chan struct{}),
		over:   make(chan struct{}),
		groups: make(map[*tail]*group), wheel: newWheel(h.o.Heartbeat), rested: rested,
	}, nil
}

func (l *loop) start() {
	l.tasks.Go(l.watch)
	l.tasks.Go(l.run)
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
		l.refuse(n, drain)
		return
	}
	l.rouse()
}

// refuse ends a stream that did not get in. Its descriptor is in no table: this
// is the only one that knows it.
func (l *loop) refuse(n newcomer, why reason) {
	if why.told() {
		_, _ = send(n.fd, appendBye(nil, why, retryFor(why)))
		swallow(n.fd)
	}
	_ = unix.Close(int(n.fd))
	l.hub.release(n.entry, n.reader, why)
}

func (l *loop) enqueue(g *group) {
	l.mu.Lock()
	l.queue.push(g)
	l.mu.Unlock()
	l.rouse()
}

func (l *loop) rouse() {
	select {
	case l.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// close ends every stream of the loop, and waits for its goroutines. Once.
func (l *loop) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	close(l.over)
	_ = l.file.SetReadDeadline(time.Now()) // the watcher stops waiting
	l.tasks.Wait()
	_ = l.file.Close()
}

// run is the loop. Each turn takes one thing that has happened, lets some of
// those who have come in, and gives one room a slice of time; with work left it
// looks what else has happened, and goes on.
func (l *loop) run() {
	draining := l.hub.draining
	for {
		select {
		case <-l.over:
			l.endAll()
			return
		case events := <-l.events:
			l.handle(events)
			l.taken <- struct{}{}
		case <-l.wheel.ticker.C:
			l.wheel.turn(time.Now())
		case <-l.rested.C:
			l.resume()
		case <-draining:
			draining = nil
			l.leave = newDeparture(l.hub.o.Drain, l.table)
		case <-l.leave.due():
			l.depart(time.Now())
		case <-l.wake:
		}
		arriving, growing, behind, beating := l.adopt(), l.advance(), l.catchUpSome(), l.beat()
		if arriving || growing || behind || beating {
			l.breathe(time.Now())
			l.rouse()
		} else {
			l.turned = time.Time{}
		}
		l.count()
	}
}

// breathe is for each turn with work left.
func (l *loop) breathe(now time.Time) {
	if l.turned.IsZero() {
		l.turned = now
	}
	if now.Sub(l.turned) > longTurn {
		time.Sleep(breath)
		l.turned = time.Now()
	}
}

// count adds up what was sent, once a turn and not once a write.
func (l *loop) count() {
	if l.sent > 0 {
		l.hub.o.Metrics.bytes.Add(float64(l.sent))
		l.sent = 0
	}
}

// endAll closes whoever is left when the hub closes.
func (l *loop) endAll() {
	for l.adopt() {
		continue
	}
	for _, r := range l.table {
		if r != nil {
			l.end(r, drain)
		}
	}
	l.dropSteps()
	l.count()
	l.wheel.ticker.Stop()
	l.rested.Stop()
	l.leave.stop()
}
