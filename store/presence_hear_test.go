package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

// seldom are options with which nothing is announced twice, nor a lease renewed.
func seldom() Options {
	o := quick()
	o.Lease, o.PresenceEvery = time.Hour, time.Hour
	return o
}

// joins is a change for each of who.
func joins(who ...chat.Person) (list []change) {
	for _, p := range who {
		list = append(list, change{op: "join", session: p.ID, name: p.Nickname})
	}
	return list
}

func TestPresence_OfARoomOfManyIsToldToTheFirstReaderOfAnInstance(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		a, b, ra, rb, _ := twoInstances(t, addr, seldom())
		a.tells(t, joins(ana, bob)...)
		ra.waitPresence(t, 2, 2)
		rb.waitPresence(t, 2, 2)
		c, _ := running(t, addr, seldom())
		rc, _ := follow(t, c, 0)
		c.Join(lobby, eve, "")
		rc.waitPresence(t, 3, 2)
		if got := c.Participants(lobby); got != (chat.Presence{Participants: 3, Named: 2}) {
			t.Errorf("the next one is greeted with %+v", got)
		}
		say(t, b, "that is all")
		for _, r := range []*recorder{ra, rb} {
			r.wait(t, "the end", func() bool { return len(r.texts(t)) == 1 })
			if got := r.data(chat.KindPresence); len(got) != 1 {
				t.Errorf("the others heard %q", got)
			}
		}
	})
}

func TestPresence_IsToldByAnInstanceToItsReadersOnlyWhenItsFeedIsBack(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.Lease = time.Hour
		s, listener, r, other, _ := twoInstances(t, addr, o)
		s.Join(lobby, ana, "")
		r.waitPresence(t, 1, 1)
		other.waitPresence(t, 1, 1)
		for n := 1; n < 4; n++ {
			say(t, listener, "before")
			r.wait(t, "what was said", func() bool { return len(r.texts(t)) == n })
			before := len(r.of(chat.KindPresence)) // and all that was announced
			// The feed takes an unexpected confirmation for another connection.
			s.feed.mu.Lock()
			pubsub := s.feed.control.session.pubsub
			s.feed.mu.Unlock()
			if err := pubsub.Subscribe(t.Context(), s.keys.channel(lobby)); err != nil {
				t.Fatal(err)
			}
			r.wait(t, "the counts again", func() bool { return len(r.of(chat.KindPresence)) > before })
			r.waitPresence(t, 1, 1)
		}
		say(t, s, "that is all")
		other.wait(t, "the end", func() bool { return len(other.texts(t)) == 4 })
		if got := other.data(chat.KindPresence); len(got) != 1 {
			t.Errorf("the others heard %q", got)
		}
	})
}

// hearing is a room with a reader, of a Store that does not run: nobody is asked.
func hearing(t testing.TB) (*Store, *feedRoom, *recorder) {
	t.Helper()
	s := idle(t, "127.0.0.1:1", quick())
	sink := newRecorder()
	room := newFeedRoom(lobby, 0, 0, sink)
	s.feed.mu.Lock()
	s.feed.rooms[lobby] = room
	s.feed.mu.Unlock()
	s.presence.follow(room)
	s.Join(lobby, ana, "")
	s.presence.rooms[lobby].registered = true
	s.presence.refresh(lobby)
	return s, room, sink
}

// opens has the room subscribed and its log, which is empty, read.
func opens(room *feedRoom) {
	room.begin()
	room.wanted()
	room.loaded(nil, chat.EventID{})
}

const countsOfOne, countsOfTwo = `{"participants":1,"named":1}`, `{"participants":2,"named":2}`

// announces has the feed hear counts.
func announces(s *Store, counts string) {
	s.feed.dispatch(&redis.Message{Channel: s.keys.channel(lobby), Payload: "\npresence\n" + counts})
}

func TestPresenceRoom_TellsItsReadersWhatTheyMayHaveMissed(t *testing.T) {
	nothing := func(*Store) {}
	for what, c := range map[string]struct {
		before, meanwhile func(*Store)
		known             bool
		told              []string
		unsure            bool // afterwards
	}{
		"it is told": {nothing, nothing, true, []string{countsOfOne}, false},
		"what was heard before is as good": {
			func(s *Store) { announces(s, countsOfTwo) }, nothing, true, []string{countsOfTwo}, false,
		},
		"what is heard meanwhile may be newer": {
			nothing, func(s *Store) { announces(s, countsOfTwo) }, true, []string{countsOfTwo}, false,
		},
		"more was missed meanwhile": {
			nothing, func(s *Store) { s.presence.refresh(lobby) }, true, []string{countsOfOne}, true,
		},
		"redis forgot who is here": {nothing, nothing, false, nil, true},
	} {
		s, room, sink := hearing(t)
		opens(room)
		c.before(s)
		telling := s.presence.prepare(lobby)
		c.meanwhile(s)
		r := answered(t, s, telling, 1, c.known, 0)
		if got := sink.data(chat.KindPresence); !slices.Equal(got, c.told) || r.unsure != c.unsure {
			t.Errorf("%s: told %q, unsure %t", what, got, r.unsure)
		}
	}
}

func TestPresenceRoom_StaysUnsureIfItCouldNotAsk(t *testing.T) {
	s, room, sink := hearing(t)
	opens(room)
	telling := s.presence.prepare(lobby)
	telling.cmd = redis.NewCmd(t.Context())
	telling.cmd.SetErr(errors.New("away"))
	s.presence.told(t.Context(), telling)
	if !s.presence.rooms[lobby].unsure || len(sink.all()) > 0 {
		t.Errorf("told%s", summary(sink.all()))
	}
	if tell(t, s, 0, func() {}); !slices.Equal(sink.data(chat.KindPresence), []string{countsOfOne}) {
		t.Errorf("told%s", summary(sink.all()))
	}
}

func TestPresenceRoom_TellsItsReadersOnceTheLogIsRead(t *testing.T) {
	s, room, sink := hearing(t)
	room.begin()
	room.wanted()
	tell(t, s, 0, func() {})
	if got := sink.all(); len(got) > 0 {
		t.Errorf("before it is: %s", summary(got))
	}
	announces(s, countsOfTwo)
	if room.loaded(nil, chat.EventID{}); !slices.Equal(sink.data(chat.KindPresence), []string{countsOfOne, countsOfTwo}) {
		t.Errorf("told%s", summary(sink.all()))
	}
}

// What is told to a room that is not subscribed is lost, but it is not forgotten that it
// is to be told: when it is subscribed, and when it is live if another reading was under way.
func TestPresenceRoom_TellsItsReadersOnceItIsSubscribed(t *testing.T) {
	for _, reading := range []bool{false, true} {
		s, room, sink := hearing(t)
		if reading {
			room.begin()
			room.suspend()
		}
		tell(t, s, 0, func() {})
		s.feed.mu.Lock()
		s.feed.begin(room)
		s.feed.mu.Unlock()
		room.wanted()
		if room.loaded(nil, chat.EventID{}); room.recall() {
			s.presence.refresh(lobby) // as fillOne does
		}
		tell(t, s, 0, func() {})
		if got := sink.data(chat.KindPresence); !slices.Equal(got, []string{countsOfOne}) {
			t.Errorf("a reading under way %t: told %q", reading, got)
		}
	}
}

// Counts only grow here, and an answer is what was announced last when it was asked for.
func TestPresenceRoom_TellsItsReadersNothingOlderThanWhatTheyHeard(t *testing.T) {
	s, room, sink := hearing(t)
	opens(room)
	tell(t, s, 0, func() {})
	const most = 3000
	var announcer sync.WaitGroup
	announcer.Go(func() {
		for n := 2; n <= most; n++ {
			announces(s, fmt.Sprintf(`{"participants":%d,"named":0}`, n))
		}
	})
	for heard := 1; heard < most; {
		s.presence.refresh(lobby)
		telling := s.presence.prepare(lobby)
		heard = s.Participants(lobby).Participants
		answered(t, s, telling, heard, true, 0)
	}
	announcer.Wait()
	last := 0
	for _, data := range sink.data(chat.KindPresence) {
		var p chat.Presence
		must(t, json.Unmarshal([]byte(data), &p))
		if p.Participants < last {
			t.Fatalf("%d after %d", p.Participants, last)
		}
		last = p.Participants
	}
}
