package store

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"

	"causette/chat"
)

// load has writers post numbered messages, each until it is accepted, until stop.
type load struct {
	stop     func()
	accepted map[chat.EventID]string // by id; read it after stop
}

func startLoad(t *testing.T, s *Store) *load {
	l := &load{accepted: make(map[chat.EventID]string)}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var mu sync.Mutex
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				p := nonced(strconv.Itoa(w) + "-" + strconv.Itoa(i))
				id := repeatUntilAccepted(t, s, p)
				mu.Lock()
				l.accepted[id] = string(p.Message.Text)
				mu.Unlock()
			}
		})
	}
	l.stop = func() { cancel(); wg.Wait() }
	t.Cleanup(l.stop)
	return l
}

// checkWholeOrTold holds what a sink got against what was accepted: all of it, each
// once and in order, or as much as the log still has after it was told.
func (l *load) checkWholeOrTold(t *testing.T, s *Store, r *recorder) {
	t.Helper()
	var log []chat.Event
	for page, at := (chat.Page{More: true}), (chat.EventID{}); page.More; {
		var err error
		page, err = s.After(t.Context(), lobby, at, MaxPage)
		if err != nil || page.Gap {
			t.Fatalf("after %s: gap %t, error %v", at, page.Gap, err)
		}
		if log = append(log, page.Events...); len(log) > 0 {
			at = log[len(log)-1].ID
		}
	}
	contiguous(t, log)
	r.wait(t, "all of the log", func() bool {
		got := r.of(chat.KindMessage)
		return len(got) > 0 && got[len(got)-1].ID == log[len(log)-1].ID
	})
	all := r.all()
	told := -1
	for i, e := range all {
		if e.Kind == "replace" {
			told = i
		}
	}
	var since []chat.Event
	for _, e := range all[told+1:] {
		if e.Durable() {
			since = append(since, e)
		}
	}
	want := log
	if told >= 0 {
		want = log[max(len(log)-len(since), 0):]
	}
	if !slices.EqualFunc(since, want, func(a, b chat.Event) bool { return a.ID == b.ID && string(a.Data) == string(b.Data) }) {
		t.Errorf("told %t; got %d, the log has %d", told >= 0, len(since), len(log))
	}
	texts := make(map[string]int, len(log))
	for _, e := range log {
		texts[textOf(t, e)]++
	}
	for id, text := range l.accepted {
		if n := texts[text]; n > 1 || n == 0 && told < 0 {
			t.Errorf("%q, accepted as %s, is there %d times, told %t", text, id, n, told >= 0)
		}
	}
	t.Logf("%d accepted, %d in the log, told %t", len(l.accepted), len(log), told >= 0)
}

func (l *load) waitFor(t *testing.T, r *recorder, more int) {
	t.Helper()
	want := len(r.of(chat.KindMessage)) + more
	r.wait(t, "posts go on", func() bool { return len(r.of(chat.KindMessage)) >= want })
}

func TestCluster_ASlotThatMovesUnderLoadLosesAndDoublesNothing(t *testing.T) {
	c := startThreeMasters(t)
	s := c.store(t)
	r, _ := follow(t, s, 20)
	from, slot := c.holder(t, lobby)
	l := startLoad(t, s)
	at := from
	for range 2 {
		l.waitFor(t, r, 50)
		to := (at + 1) % 3
		c.move(t, slot, at, to)
		at = to
	}
	l.waitFor(t, r, 50)
	l.stop()
	l.checkWholeOrTold(t, s, r)
	if got := r.of("replace"); len(got) > 0 {
		t.Errorf("replaced %d times", len(got))
	}
}

func TestCluster_AMasterThatDiesUnderLoadLosesNothingUntold(t *testing.T) {
	c := startThreeMasters(t)
	s := c.store(t)
	r, _ := follow(t, s, 20)
	dying, _ := c.holder(t, lobby)
	l := startLoad(t, s)
	l.waitFor(t, r, 50)
	c.nodes[dying].kill()
	l.waitFor(t, r, 50)
	l.stop()
	l.checkWholeOrTold(t, s, r)
}
