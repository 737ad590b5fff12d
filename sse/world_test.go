package sse

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"causette/chat"
)

// fakePresence counts who is here, and notes what it was told.
type fakePresence struct {
	mu   sync.Mutex
	here map[chat.RoomID]int
	told []string
}

func (p *fakePresence) Join(id chat.RoomID, who chat.Person, _ string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.here == nil {
		p.here = make(map[chat.RoomID]int)
	}
	p.here[id]++
	p.told = append(p.told, "+"+who.ID)
}

func (p *fakePresence) Leave(id chat.RoomID, session string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.here[id]--
	p.told = append(p.told, "-"+session)
}

func (p *fakePresence) Participants(id chat.RoomID) chat.Presence {
	p.mu.Lock()
	defer p.mu.Unlock()
	return chat.Presence{Participants: p.here[id]}
}

func (p *fakePresence) heard() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.told, " ")
}

// world is a hub with its fakes, in the bubble of a test.
type world struct {
	*Hub
	log *fakeLog
	who *fakePresence
}

// tester is a test, or one run of a property.
type tester interface {
	Helper()
	Cleanup(func())
	Context() context.Context
	Errorf(string, ...any)
}

// newWorld is a hub that is closed when the test ends.
func newWorld(t tester, o Options) *world {
	t.Helper()
	w := &world{log: newFakeLog(), who: new(fakePresence)}
	if o.Instance == "" {
		o.Instance = "one"
	}
	w.Hub = NewHub(o, w.log, w.who)
	t.Cleanup(w.Close)
	return w
}

// openRooms is how many rooms the hub knows.
func (w *world) openRooms() int {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.rooms)
}

// expect compares two lists of words.
func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot  %q\nwant %q", what, got, want)
	}
}
