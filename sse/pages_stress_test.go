package sse

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"causette/chat"
)

// errImpatient is a waiter's that gives up.
var errImpatient = errors.New("waited no longer")

// crush is many who ask for pages at once where there is memory for two.
type crush struct {
	t        *testing.T
	lib      *library
	shelves  []*shelf
	origins  []*origin
	answered atomic.Int64
}

// stuck is how long a question has before it counts as lost.
const stuck = 10 * time.Second

// wait is what a stream with a goroutine does, which may give up.
func (c *crush) wait(s *shelf, id chat.EventID, from *origin) {
	patience, late := stuck, fmt.Errorf("a question is lost")
	if rand.IntN(2) == 0 {
		patience, late = rand.N(2*time.Millisecond), errImpatient
	}
	p, err := s.wait(id, from, func(done <-chan struct{}) error {
		select {
		case <-done:
			return nil
		case <-time.After(patience):
			return late
		}
	})
	switch {
	case err == nil:
		c.hold(p)
	case !errors.Is(err, errImpatient) && !errors.Is(err, chat.ErrUnavailable):
		c.t.Error(err)
	}
}

// ask is what a reader of a loop does, which may end.
func (c *crush) ask(s *shelf, id chat.EventID, from *origin) {
	arrived := make(chan *page, 1)
	who := new(int)
	s.ask(id, from, who, func(p *page, _ error) { arrived <- p })
	patience := stuck
	if rand.IntN(2) == 0 {
		patience = rand.N(2 * time.Millisecond)
	}
	select {
	case p := <-arrived:
		c.hold(p)
		return
	case <-time.After(patience):
	}
	if patience == stuck {
		c.t.Error("a question is lost")
	}
	if !s.leave(id, who) {
		(<-arrived).release()
	}
}

func (c *crush) hold(p *page) {
	c.answered.Add(1)
	if rand.IntN(4) == 0 {
		time.Sleep(rand.N(time.Millisecond))
	}
	p.release()
}

// step is what one of them does.
func (c *crush) step() {
	s := c.shelves[rand.IntN(len(c.shelves))]
	from := c.origins[rand.IntN(len(c.origins))]
	id := chat.EventID{Epoch: 1, Seq: rand.Int64N(40) * pageSize}
	switch rand.IntN(20) {
	case 0: // what is kept is let go of
		s.lib.mu.Lock()
		s.dropWithLocked(chat.EventID{Epoch: 1, Seq: id.Seq + 1})
		s.lib.mu.Unlock()
		s.lib.loads.resume()
	case 1, 2, 3, 4, 5, 6, 7, 8, 9:
		c.wait(s, id, from)
	default:
		c.ask(s, id, from)
	}
}

// Whoever asks and stays is answered, whoever else asks, goes, and holds what there
// is; and in the end nothing is counted.
func TestPages_NoQuestionIsLostWhereMemoryIsShort(t *testing.T) {
	closed, stop := context.WithCancel(t.Context())
	defer stop()
	lib := newLibrary(closed, hecticLog{}, &newBudget(0, NewMetrics(nil)).pages)
	lib.share.limit = 2 * pageBytes
	c := &crush{t: t, lib: lib, origins: []*origin{nil, new(origin), new(origin), new(origin)}}
	for n := range 3 {
		c.shelves = append(c.shelves, lib.shelf(chat.RoomID(fmt.Sprint(n)), pageBytes))
	}
	var all sync.WaitGroup
	over := time.Now().Add(1500 * time.Millisecond)
	for range 60 {
		all.Go(func() {
			for time.Now().Before(over) && !t.Failed() {
				c.step()
			}
		})
	}
	all.Wait()
	until(t, func() bool { // those whose askers left may still be under way
		lib.loads.mu.Lock()
		defer lib.loads.mu.Unlock()
		return lib.loads.running == 0 && len(lib.loads.turns) == 0
	})
	for _, s := range c.shelves {
		s.close()
		if len(s.reads) > 0 {
			t.Errorf("%d questions are left", len(s.reads))
		}
	}
	lib.close()
	if n := lib.share.used.Load(); n != 0 || lib.kept.Len() != 0 {
		t.Errorf("%d bytes stay counted, %d pages kept", n, lib.kept.Len())
	}
	if n := c.answered.Load(); n < 100 {
		t.Errorf("%d were answered", n)
	}
}

// hecticLog answers after a moment: a page of up to 64 KiB, or that it can't.
type hecticLog struct{ source }

func (hecticLog) AfterWithin(_ context.Context, _ chat.RoomID, after chat.EventID, _, _ int) (chat.Page, error) {
	time.Sleep(rand.N(300 * time.Microsecond))
	switch rand.IntN(10) {
	case 0:
		return chat.Page{}, chat.ErrUnavailable
	case 1:
		return chat.Page{Gap: true}, nil
	}
	page := pageOf(pageSize, after.Seq+1)
	for i := range page.Events {
		page.Events[i].Data = []byte(strings.Repeat("x", 400))
	}
	return page, nil
}

// Readers far behind, of whom many hang up wherever they are, where there is memory
// for two pages: those who stay have it all, and when the hub closes under others
// nothing stays counted.
func TestWriters_WhoHangsUpWhileItCatchesUpHoldsUpNobody(t *testing.T) {
	eachWriter(t, func(t *testing.T, o Options) {
		const readers, said = 60, 300
		o.TailSize = 16 << 10
		w := newWorld(t, o)
		w.budget.pages.limit = 2 * pageBytes
		srv := serveHTTP(t, w, nil)
		w.log.sayMore(chat.Lobby, said, strings.Repeat("é", 1000))
		var herd sync.WaitGroup
		for n := range readers {
			herd.Go(func() {
				conn, r := dialRaw(t, srv, fmt.Sprintf("?from=203.0.113.%d&after=1000-%d", n%3, n*3))
				if n%3 > 0 { // it reads some, and is gone
					_, _ = r.Discard(rand.IntN(200_000))
					_ = conn.Close()
					return
				}
				raw := readUntil(t, r, fmt.Sprintf(`"message %d`, said-1)) + "\n\n"
				events, _, _ := readSSE(after(raw, "\r\n\r\n"))
				if got := contiguous(t, fmt.Sprintf("1000-%d", n*3), events); got != fmt.Sprintf("1000-%d", said-1) {
					t.Errorf("one got as far as %s", got)
				}
			})
		}
		herd.Wait()
		var late []net.Conn
		for n := range 30 { // and these are on their way when it closes
			conn, _ := dialRaw(t, srv, fmt.Sprintf("?after=1000-%d", n*7))
			late = append(late, conn)
		}
		time.Sleep(rand.N(5 * time.Millisecond))
		w.Close()
		for _, conn := range late { // a write under way is no longer waited for
			_ = conn.Close()
		}
		until(t, func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.streams == 0
		})
		if pages, lent := w.budget.pages.used.Load(), w.budget.readers.used.Load(); pages != 0 || lent != 0 {
			t.Errorf("%d bytes of pages stay counted, %d are lent", pages, lent)
		}
	})
}
