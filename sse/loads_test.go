package sse

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"causette/chat"
)

// One address has a thousand questions in line; others come after it.
func TestLoads_AddressesTakeTurnsAndFewAreAskedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoads(func() bool { return true })
		defer l.close()
		var mu sync.Mutex
		var done []*origin
		asking, most := 0, 0
		never := func() bool { return false }
		ask := func(o *origin) *question {
			return &question{over: never, ask: func() {
				mu.Lock()
				asking++
				most = max(most, asking)
				mu.Unlock()
				time.Sleep(time.Millisecond)
				mu.Lock()
				asking--
				done = append(done, o)
				mu.Unlock()
			}}
		}
		heavy, light, other := new(origin), new(origin), new(origin)
		for range 1000 {
			l.add(heavy, ask(heavy))
		}
		l.add(light, ask(light))
		l.add(other, ask(other))
		time.Sleep(time.Second)
		synctest.Wait()
		if most != maxLoads || len(done) != 1002 {
			t.Errorf("%d at once, %d done", most, len(done))
		}
		if at := max(slices.Index(done, light), slices.Index(done, other)); at > 3*maxLoads {
			t.Errorf("an address with one question was %dth", at)
		}
	})
}

// Pages that are held leave no room for others: who asks waits, and is answered.
func TestPages_AQuestionWaitsWhileThereIsNoMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := shelfOf(t, 1<<30, func(id chat.EventID) chat.Page { return pageOf(pageSize, id.Seq+1) })
		share := s.lib.share
		nth := func(n int) chat.EventID { return chat.EventID{Epoch: 1, Seq: int64(n) * pageSize} }
		share.limit = 2 * pageBytes
		var mu sync.Mutex
		var holding []*page
		for n := range 4 {
			s.ask(nth(n), nil, n, func(p *page, err error) {
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				holding = append(holding, p)
			})
			synctest.Wait()
			if used := share.used.Load(); used > share.limit {
				t.Fatalf("%d bytes are in use", used)
			}
		}
		if len(holding) == 4 {
			t.Error("nobody had to wait")
		}
		for answered := 0; answered < 4; {
			mu.Lock()
			more := holding[answered:]
			answered = len(holding)
			mu.Unlock()
			if len(more) == 0 {
				t.Fatalf("%d are answered, and no more for all that was let go of", answered)
			}
			for _, p := range more {
				p.release()
			}
			synctest.Wait()
		}
		time.Sleep(pageLife + time.Second)
		synctest.Wait()
		if used := share.used.Load(); used != 0 {
			t.Errorf("%d bytes stay counted", used)
		}
	})
}

// A log that does not answer, and readers that come, ask and go.
func TestPages_WhoComesAndGoesLeavesNoQuestionBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answered := make(chan struct{})
		s := shelfOf(t, 1<<20, func(chat.EventID) chat.Page { <-answered; return chat.Page{} })
		for n := range int64(20 * minSweep) {
			id := chat.EventID{Epoch: 1, Seq: n}
			s.ask(id, nil, n, func(p *page, _ error) { p.release() })
			if n >= maxLoads { // those before are under way
				s.leave(id, n)
			}
		}
		s.lib.loads.mu.Lock()
		waiting, reads := len(s.lib.loads.lines[nil].questions), len(s.reads)
		s.lib.loads.mu.Unlock()
		if waiting > minSweep || reads > maxLoads {
			t.Errorf("%d questions wait, %d are known", waiting, reads)
		}
		close(answered)
		synctest.Wait()
		if used := s.lib.share.used.Load(); used != 0 {
			t.Errorf("%d bytes stay counted", used)
		}
	})
}
