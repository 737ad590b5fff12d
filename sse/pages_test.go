package sse

import (
	"context"
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

func TestPages_AnswersThatMayChangeAreNotKept(t *testing.T) {
	var p pages
	asked := 0
	answer := chat.Page{}
	ask := func(context.Context, chat.EventID) (chat.Page, error) { asked++; return answer, nil }
	for _, a := range []chat.Page{{Gap: true}, {}, {Gap: true}} {
		answer = a
		if _, err := p.after(t.Context(), chat.EventID{Epoch: 1}, 1<<20, ask); err != nil {
			t.Fatal(err)
		}
	}
	if n, size := p.held(); asked != 3 || n != 0 || size != 0 {
		t.Errorf("asked %d times; %d kept, %d bytes", asked, n, size)
	}
}

// What a page leads to was trimmed: whoever reads it is cut off behind it, and must
// not come upon it again.
func TestPages_OneThatLeadsNowhereIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pages
		asked, trimmed := 0, false
		ask := func(_ context.Context, id chat.EventID) (chat.Page, error) {
			if asked++; trimmed {
				return chat.Page{Gap: true}, nil
			}
			return pageOf(10, id.Seq+1), nil
		}
		read := func(seq int64, want int) {
			t.Helper()
			page, err := p.after(t.Context(), chat.EventID{Epoch: 1, Seq: seq}, 1<<20, ask)
			if err != nil || len(page.Events) != want || page.Gap != (want == 0) {
				t.Errorf("after %d come %d, gap %t, %v", seq, len(page.Events), page.Gap, err)
			}
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
		var p pages
		ask := func(_ context.Context, id chat.EventID) (chat.Page, error) { return pageOf(pageSize, id.Seq+1), nil }
		limit := int64(3*sizeOf(pageOf(pageSize, 1)) + 1)
		for n := range 20 {
			if _, err := p.after(t.Context(), chat.EventID{Epoch: 1, Seq: int64(n) * pageSize}, limit, ask); err != nil {
				t.Fatal(err)
			}
		}
		if n, size := p.held(); n != 3 || int64(size) > limit {
			t.Errorf("%d pages of %d bytes are kept, limit %d", n, size, limit)
		}
		time.Sleep(pageLife + time.Second)
		synctest.Wait()
		if n, size := p.held(); n != 0 || size != 0 {
			t.Errorf("%d are kept for good", n)
		}
	})
}

func TestPages_WhoeverAskedHangingUpHurtsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pages
		answered := make(chan struct{})
		ask := func(ctx context.Context, _ chat.EventID) (chat.Page, error) {
			<-answered
			return pageOf(pageSize, 1), ctx.Err()
		}
		first, hangUp := context.WithCancel(t.Context())
		results := make(chan error, 2)
		read := func(ctx context.Context) {
			_, err := p.after(ctx, chat.EventID{Epoch: 1}, 1<<20, ask)
			results <- err
		}
		go read(first)
		synctest.Wait()
		go read(t.Context())
		synctest.Wait()
		hangUp()
		close(answered)
		for range 2 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
	})
}

// held is how many pages there are, and their bytes.
func (p *pages) held() (n, size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.reads), p.size
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
