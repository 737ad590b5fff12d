package sse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"causette/chat"
)

// A herd of readers that were away while much was said, on an instance that has
// just the end of it.
func TestPages_AHerdReadsTheLogOnceAndNotOncePerReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const readers, behind = 500, 1000
		w := newWorld(t, Options{Log: quiet})
		said := w.log.say(chat.Lobby, 10*pageSize+behind)
		w.connect(t, Subscription{Person: chat.Person{ID: "p_first"}}) // opens the room
		var herd []*client
		for n := range readers {
			herd = append(herd, w.dial(t, Subscription{LastEventID: said[10*pageSize+n-1], Person: chat.Person{ID: fmt.Sprint("p_", n)}}))
		}
		for n, c := range herd {
			if got, want := c.messages(), said[10*pageSize+n:]; !slices.Equal(got, want) {
				t.Fatalf("reader %d got %d messages, want %d", n, len(got), len(want))
			}
		}
		if asked, pages := w.log.count(&w.log.afters), behind/pageSize+2; asked > pages {
			t.Errorf("the log was read %d times for %d readers and %d pages", asked, readers, pages)
		}
	})
}

func TestPages_WhoComesLaterFindsWhatWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		said := w.log.say(chat.Lobby, 400)
		for range 3 {
			c := w.connect(t, Subscription{LastEventID: said[0]})
			expect(t, "messages", c.messages(), said[1:])
			c.hangUp()
		}
		before := w.log.count(&w.log.afters)
		time.Sleep(pageLife + time.Second)
		c := w.connect(t, Subscription{LastEventID: said[0]})
		expect(t, "later", c.messages(), said[1:])
		if again := w.log.count(&w.log.afters) - before; before > 4 || again == 0 {
			t.Errorf("read %d times at once, and %d times after a while", before, again)
		}
	})
}

func TestPages_APositionBesideTheSharedPageIsAskedForByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		said := w.log.say(chat.Lobby, 300)
		w.log.trim(chat.Lobby, 200) // the log begins inside a page
		c := w.connect(t, Subscription{LastEventID: said[120]})
		expect(t, "from where the log still knows", c.messages(), said[121:])
		gone := w.connect(t, Subscription{LastEventID: said[50], History: 1})
		expect(t, "from before", gone.news(), []string{helloOf(gap, 2), said[299]})
	})
}

// shelfOf is a shelf of its own over a log that answers as ask does.
func shelfOf(t *testing.T, limit int64, ask func(after chat.EventID) chat.Page) *shelf {
	closed, stop := context.WithCancel(context.Background())
	l := newLibrary(closed, askedLog(ask), &newBudget(0, NewMetrics(nil)).pages)
	t.Cleanup(func() { stop(); l.close() })
	return l.shelf(chat.Lobby, limit)
}

// askedLog is a source that only answers what follows an id.
type askedLog func(after chat.EventID) chat.Page

func (askedLog) Follow(context.Context, chat.RoomID, int, chat.Sink) (id chat.EventID, err error) {
	return id, err
}
func (askedLog) Unfollow(chat.RoomID) {}

func (ask askedLog) AfterWithin(ctx context.Context, _ chat.RoomID, after chat.EventID, _, _ int) (chat.Page, error) {
	return ask(after), ctx.Err()
}

func TestPages_AnswersThatMayChangeAreNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		answer := chat.Page{}
		s := shelfOf(t, 1<<20, func(chat.EventID) chat.Page { asked++; return answer })
		for _, a := range []chat.Page{{Gap: true}, {}, {Gap: true}} {
			answer = a
			p, err := s.after(chat.EventID{Epoch: 1}, nil, patient(t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			p.release()
		}
		synctest.Wait()
		if n, size := s.held(); asked != 3 || n != 0 || size != 0 || s.lib.share.used.Load() != 0 {
			t.Errorf("asked %d times; %d kept, %d bytes, %d counted", asked, n, size, s.lib.share.used.Load())
		}
	})
}

// What a page leads to was trimmed: whoever reads it is cut off behind it, and must
// not come upon it again.
func TestPages_OneThatLeadsNowhereIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, trimmed := 0, false
		s := shelfOf(t, 1<<20, func(id chat.EventID) chat.Page {
			if asked++; trimmed {
				return chat.Page{Gap: true}
			}
			return pageOf(10, id.Seq+1)
		})
		read := func(seq int64, want int) {
			t.Helper()
			p, err := s.after(chat.EventID{Epoch: 1, Seq: seq}, nil, patient(t.Context()))
			if err != nil || len(p.marks) != want || p.gap != (want == 0) {
				t.Errorf("after %d come %d, gap %t, %v", seq, len(p.marks), p.gap, err)
			}
			p.release()
		}
		read(0, 10)
		read(pageSize, 10)
		trimmed = true
		read(0, 10) // kept
		read(10, 0)
		read(0, 0) // and no more
		read(pageSize, 10)
		if asked != 4 {
			t.Errorf("asked %d times", asked)
		}
	})
}

func TestPages_AreOfBoundedSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := shelfOf(t, 0, func(id chat.EventID) chat.Page { return pageOf(pageSize, id.Seq+1) })
		s.limit = 3*newPage(s.lib, chat.EventID{Epoch: 1}, pageOf(pageSize, 1)).size + 2000
		for n := range 20 {
			p, err := s.after(chat.EventID{Epoch: 1, Seq: int64(n) * pageSize}, nil, patient(t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			p.release()
		}
		synctest.Wait()
		if n, size := s.held(); n != 3 || size > s.limit || s.lib.share.used.Load() != size {
			t.Errorf("%d pages of %d bytes are kept, limit %d; %d bytes are counted", n, size, s.limit, s.lib.share.used.Load())
		}
		time.Sleep(pageLife + time.Second)
		synctest.Wait()
		if n, size := s.held(); n != 0 || size != 0 || s.lib.share.used.Load() != 0 {
			t.Errorf("%d are kept for good", n)
		}
	})
}

func TestPages_WhoeverAskedHangingUpHurtsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answered := make(chan struct{})
		s := shelfOf(t, 1<<20, func(chat.EventID) chat.Page { <-answered; return pageOf(pageSize, 1) })
		first, hangUp := context.WithCancel(t.Context())
		results := make(chan error, 2)
		read := func(ctx context.Context) {
			p, err := s.after(chat.EventID{Epoch: 1}, nil, patient(ctx))
			p.release()
			results <- err
		}
		go read(first)
		synctest.Wait()
		go read(t.Context())
		synctest.Wait()
		hangUp()
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("who hung up: %v", err)
		}
		close(answered)
		if err := <-results; err != nil {
			t.Errorf("the other: %v", err)
		}
		time.Sleep(pageLife + time.Second)
		synctest.Wait()
		if n := s.lib.share.used.Load(); n != 0 {
			t.Errorf("%d bytes are counted for good", n)
		}
	})
}

// patient waits until ctx ends.
func patient(ctx context.Context) pause {
	return func(done <-chan struct{}) error {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// held is how many pages there are, and their bytes.
func (s *shelf) held() (n int, size int64) {
	s.lib.mu.Lock()
	defer s.lib.mu.Unlock()
	return len(s.reads) + len(s.kept), s.size
}

// pageOf is n messages of 100 bytes from a seq on.
func pageOf(n int, seq int64) (page chat.Page) {
	for i := range n {
		page.Events = append(page.Events, chat.Event{
			ID: chat.EventID{Epoch: 1, Seq: seq + int64(i)}, Kind: chat.KindMessage, Data: []byte(strings.Repeat("x", 100)),
		})
	}
	return page
}
