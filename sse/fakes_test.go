package sse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"causette/chat"
)

// fakeLog is a store of rooms in memory that keeps the contract of source, with
// one epoch for all rooms.
type fakeLog struct {
	mu       sync.Mutex
	rooms    map[chat.RoomID]*fakeRoom
	epoch    int64
	down     bool // every question fails
	broken   error
	follows  int
	afters   int
	unfollow func(chat.RoomID) // called without mu
}

type fakeRoom struct {
	events []chat.Event // what the log keeps
	next   int64
	sink   chat.Sink
	lag    []chat.Event // not yet handed to the sink
	hold   bool         // hand nothing on
}

func newFakeLog() *fakeLog {
	return &fakeLog{rooms: make(map[chat.RoomID]*fakeRoom), epoch: 1000}
}

func (l *fakeLog) room(id chat.RoomID) *fakeRoom {
	if l.rooms[id] == nil {
		l.rooms[id] = new(fakeRoom)
	}
	return l.rooms[id]
}

func (l *fakeLog) Follow(ctx context.Context, id chat.RoomID, load int, sink chat.Sink) (chat.EventID, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.follows++
	r := l.room(id)
	if r.sink != nil {
		return chat.EventID{}, errors.New("followed twice")
	}
	newest := r.events[max(0, len(r.events)-load):]
	if l.down {
		for _, e := range newest[:len(newest)/2] { // fails half way
			sink.Receive(e)
		}
		return chat.EventID{}, fmt.Errorf("follow: %w", chat.ErrUnavailable)
	}
	for _, e := range newest {
		sink.Receive(e)
	}
	r.sink = sink
	return r.head(l.epoch), ctx.Err()
}

func (l *fakeLog) Unfollow(id chat.RoomID) {
	if l.unfollow != nil {
		l.unfollow(id)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.room(id).sink = nil
}

func (r *fakeRoom) head(epoch int64) chat.EventID {
	if r.next == 0 {
		return chat.EventID{}
	}
	return chat.EventID{Epoch: epoch, Seq: r.next - 1}
}

func (l *fakeLog) After(ctx context.Context, id chat.RoomID, after chat.EventID, limit int) (chat.Page, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.afters++
	switch {
	case l.down:
		return chat.Page{}, fmt.Errorf("after: %w", chat.ErrUnavailable)
	case l.broken != nil:
		return chat.Page{}, l.broken
	}
	r := l.room(id)
	p := chat.Page{Head: r.head(l.epoch)}
	first := slices.IndexFunc(r.events, func(e chat.Event) bool { return after.Precedes(e.ID) })
	switch {
	case after == p.Head:
		return p, nil
	case first < 0:
		p.Gap = true
		return p, nil
	}
	last := min(first+limit, len(r.events))
	p.Events, p.More = slices.Clone(r.events[first:last]), last < len(r.events)
	return p, nil
}

// say appends n messages and hands them on. It returns their ids.
func (l *fakeLog) say(id chat.RoomID, n int) (ids []string) { return l.sayMore(id, n, "") }

// sayMore says n messages with more at their ends.
func (l *fakeLog) sayMore(id chat.RoomID, n int, more string) (ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.room(id)
	for range n {
		e := chat.Event{ID: chat.EventID{Epoch: l.epoch, Seq: r.next}, Kind: chat.KindMessage}
		e.Data = fmt.Appendf(nil, `{"at":%q,"text":"message %d%s"}`, time.Now().UTC().Format(time.RFC3339Nano), r.next, more)
		r.next++
		r.events = append(r.events, e)
		ids = append(ids, e.ID.String())
		r.hand(e)
	}
	return ids
}

func (r *fakeRoom) hand(e chat.Event) {
	switch {
	case r.hold:
		r.lag = append(r.lag, e)
	case r.sink != nil:
		r.sink.Receive(e)
	}
}

// live hands on an event that is not in the log.
func (l *fakeLog) live(id chat.RoomID, kind chat.Kind, data string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.room(id).hand(chat.Event{Kind: kind, Data: []byte(data)})
}

// hold keeps what comes from the room's sink until release.
func (l *fakeLog) hold(id chat.RoomID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.room(id).hold = true
}

func (l *fakeLog) release(id chat.RoomID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.room(id)
	r.hold = false
	for _, e := range r.lag {
		r.hand(e)
	}
	r.lag = nil
}

// trim keeps the newest n messages.
func (l *fakeLog) trim(id chat.RoomID, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.room(id)
	r.events = r.events[len(r.events)-n:]
}

// lose empties every log and begins another epoch, as a Redis without its data.
func (l *fakeLog) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch += 1000
	for _, r := range l.rooms {
		r.events, r.next = nil, 0
		if r.sink != nil {
			r.sink.Replace()
		}
	}
}

// setDown makes Redis unreachable, or reachable again.
func (l *fakeLog) setDown(down bool) {
	l.mu.Lock()
	l.down = down
	ids := slices.Collect(maps.Keys(l.rooms))
	l.mu.Unlock()
	data := `{"redis":"up"}`
	if down {
		data = `{"redis":"down"}`
	}
	for _, id := range ids {
		l.live(id, chat.KindStatus, data)
	}
}

// count reads one of the counters.
func (l *fakeLog) count(n *int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return *n
}

// fakePresence counts who is here, and notes what it was told.
type fakePresence struct {
	mu   sync.Mutex
	here map[chat.RoomID]int
	told []string
}

func (p *fakePresence) Join(id chat.RoomID, who chat.Person) {
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

// newWorld is a hub that is closed when the test ends.
func newWorld(t *testing.T, o Options) *world {
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

// client is a fake browser: a response writer that keeps what it gets. Its
// Write blocks while it is stalled, and fails when its deadline passes, as a
// socket's does.
type client struct {
	t      *testing.T
	cancel context.CancelFunc
	done   chan struct{} // closed when Serve returned

	mu       sync.Mutex
	header   http.Header
	got      []byte
	unread   int // from where news begin
	writes   int
	largest  int           // bytes of one write
	delay    time.Duration // that a write takes
	flushed  int           // how much of got was flushed
	stalled  chan struct{}
	deadline time.Time
}

func (c *client) Header() http.Header { return c.header }
func (c *client) WriteHeader(int)     {}

func (c *client) SetWriteDeadline(d time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = d
	return nil
}

func (c *client) Write(p []byte) (int, error) {
	time.Sleep(c.delay)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stalled != nil {
		stalled, late := c.stalled, time.NewTimer(time.Until(c.deadline))
		defer late.Stop()
		c.mu.Unlock()
		select {
		case <-stalled:
			c.mu.Lock()
		case <-late.C:
			c.mu.Lock()
			return 0, fmt.Errorf("write: %w", os.ErrDeadlineExceeded)
		}
	}
	c.got = append(c.got, p...)
	c.writes++
	c.largest = max(c.largest, len(p))
	return len(p), nil
}

func (c *client) FlushError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flushed = len(c.got)
	return nil
}

// stall makes the client read nothing until the returned function is called.
func (c *client) stall() (resume func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stalled = make(chan struct{})
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		close(c.stalled)
		c.stalled = nil
	}
}

// connect opens a stream of the lobby and waits until all is still.
func (w *world) connect(t *testing.T, sub Subscription) *client {
	t.Helper()
	c := w.dial(t, sub)
	synctest.Wait()
	return c
}

// dial opens a stream and does not wait.
func (w *world) dial(t *testing.T, sub Subscription) *client {
	c := &client{t: t}
	w.serve(c, sub)
	return c
}

// dialStalled opens a stream whose client reads nothing until resume is called.
func (w *world) dialStalled(t *testing.T, sub Subscription) (c *client, resume func()) {
	c = &client{t: t}
	resume = c.stall()
	w.serve(c, sub)
	return c, resume
}

func (w *world) serve(c *client, sub Subscription) {
	if sub.Room == "" {
		sub.Room = chat.Lobby
	}
	if sub.Person.ID == "" {
		sub.Person.ID = "p_1"
	}
	ctx, cancel := context.WithCancel(c.t.Context())
	c.cancel, c.done, c.header = cancel, make(chan struct{}), make(http.Header)
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/events", http.NoBody)
	go func() {
		defer close(c.done)
		w.Serve(c, r, sub)
	}()
	c.t.Cleanup(c.hangUp)
}

// hangUp ends the request and waits for the stream.
func (c *client) hangUp() {
	c.cancel()
	<-c.done
}

// news is what came since the last call, but pings.
func (c *client) news() []string {
	c.t.Helper()
	return slices.DeleteFunc(c.heard(), isPing)
}

func isPing(word string) bool { return strings.HasPrefix(word, "ping ") }

// heard is what came since the last call, one word an event: a message's id, or
// "kind data". Everything written must have been flushed.
func (c *client) heard() []string {
	c.t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flushed != len(c.got) {
		c.t.Errorf("%d of %d bytes are flushed", c.flushed, len(c.got))
	}
	events, _, _ := readSSE(string(c.got[c.unread:]))
	c.unread = len(c.got)
	words := []string{}
	for _, e := range events {
		if e.Type == "message" {
			words = append(words, e.ID)
			continue
		}
		words = append(words, e.Type+" "+e.Data)
	}
	return words
}

// messages is the ids among the news.
func (c *client) messages() []string {
	c.t.Helper()
	return slices.DeleteFunc(c.news(), func(s string) bool { return strings.Contains(s, " ") })
}

// raw is all bytes so far.
func (c *client) raw() string {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.got)
}

func (c *client) ended() bool {
	synctest.Wait()
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// expect compares two lists of words.
func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot  %q\nwant %q", what, got, want)
	}
}
