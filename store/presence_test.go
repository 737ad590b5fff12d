package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"causette/chat"
)

var (
	ana = chat.Person{ID: "p_ana", Nickname: "ana"}
	bob = chat.Person{ID: "p_bob", Nickname: "bob"}
	eve = chat.Person{ID: "p_eve"} // only reads
)

// notices is what was announced: "join ana", "leave ana", "rename ana bea".
func (r *recorder) notices(t testing.TB) []string {
	t.Helper()
	list := []string{}
	for _, data := range r.data(chat.KindNotice) {
		var n chat.Notice
		if err := json.Unmarshal([]byte(data), &n); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if n.Who.ID == "" || n.At.IsZero() {
			t.Errorf("notice %s", data)
		}
		list = append(list, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s", n.Kind, n.Was, n.Who.Nickname)), " "))
	}
	return list
}

// lastPresence is what was announced last.
func (r *recorder) lastPresence(t testing.TB) (p chat.Presence) {
	t.Helper()
	if said := r.data(chat.KindPresence); len(said) > 0 {
		if err := json.Unmarshal([]byte(said[len(said)-1]), &p); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// waitPresence waits until the counts that came last are these. The first that an instance
// tells its readers may come before what was announced earlier, notices too.
func (r *recorder) waitPresence(t testing.TB, participants, named int) {
	t.Helper()
	want := chat.Presence{Participants: participants, Named: named}
	r.wait(t, fmt.Sprintf("presence %+v", want), func() bool { return r.lastPresence(t) == want })
}

func (r *recorder) waitNotice(t testing.TB, notice string) {
	t.Helper()
	r.wait(t, notice, func() bool { return slices.Contains(r.notices(t), notice) })
}

// twoInstances runs two Stores, each following the lobby.
func twoInstances(t *testing.T, addr string, o Options) (a, b *Store, ra, rb *recorder, stopA func()) {
	t.Helper()
	a, stopA = running(t, addr, o)
	b, _ = running(t, addr, o)
	ra, _ = follow(t, a, 0)
	rb, _ = follow(t, b, 0)
	return a, b, ra, rb, stopA
}

func TestPresence_CountsDistinctSessionsOverAllInstances(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		a, b, ra, rb, _ := twoInstances(t, addr, quick())
		a.Join(lobby, ana, "")
		a.Join(lobby, eve, "")
		b.Join(lobby, ana, "") // the same person, on another instance
		b.Join(lobby, bob, "")
		ra.waitPresence(t, 3, 2)
		rb.waitPresence(t, 3, 2)
		eventually(t, "everyone knows", func() bool {
			want := chat.Presence{Participants: 3, Named: 2}
			return a.Participants(lobby) == want && b.Participants(lobby) == want
		})
		counts, people, err := b.People(t.Context(), lobby)
		if err != nil || counts != (chat.Presence{Participants: 3, Named: 2}) || !slices.Equal(people, []chat.Person{ana, bob}) {
			t.Errorf("people %+v %+v, error %v", counts, people, err)
		}
		b.Leave(lobby, ana.ID)
		b.Leave(lobby, bob.ID)
		ra.waitPresence(t, 2, 1)
		if got := ra.notices(t); !slices.Equal(sorted(got), []string{"join ana", "join bob", "leave bob"}) {
			t.Errorf("notices %q", got)
		}
	})
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

func TestPresence_CountsTheOneWhoJustCame(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick()) // it does not run: Redis is not told
		s.Join(lobby, ana, "")
		s.Join(lobby, ana, "")
		s.Join(lobby, eve, "")
		if got := s.Participants(lobby); got != (chat.Presence{Participants: 2, Named: 1}) {
			t.Errorf("%+v", got)
		}
	})
}

func TestPresence_ASessionHasLeftWithItsLastStream(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		r, _ := follow(t, s, 0)
		s.Join(lobby, ana, "")
		s.Join(lobby, ana, "")
		s.Join(lobby, bob, "")
		r.waitPresence(t, 2, 2)
		s.Leave(lobby, ana.ID)
		s.Leave(lobby, bob.ID)
		r.waitPresence(t, 1, 1)
		s.Leave(lobby, ana.ID)
		r.waitPresence(t, 0, 0)
		s.Leave(lobby, ana.ID) // nobody is left to leave
		if got := sorted(r.notices(t)); !slices.Equal(got, []string{"join ana", "join bob", "leave ana", "leave bob"}) {
			t.Errorf("notices %q", got)
		}
	})
}

func TestPresence_AReloadIsSilent(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.LeaveDelay = 300 * time.Millisecond
		s, _ := running(t, addr, o)
		r, _ := follow(t, s, 0)
		s.Join(lobby, ana, "")
		r.waitPresence(t, 1, 1)
		for range 3 {
			s.Leave(lobby, ana.ID)
			s.Join(lobby, ana, "")
		}
		s.Join(lobby, bob, "")
		r.waitPresence(t, 2, 2)
		s.Leave(lobby, bob.ID)
		r.waitPresence(t, 1, 1) // LeaveDelay has passed for both
		if got := r.notices(t); !slices.Equal(got, []string{"join ana", "join bob", "leave bob"}) {
			t.Errorf("notices %q", got)
		}
	})
}

func TestPresence_NoticesStopAboveTheLimitAndTheCountGoesOn(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.NoticeLimit = 2
		s, _ := running(t, addr, o)
		r, _ := follow(t, s, 0)
		for i, who := range []chat.Person{ana, bob, {ID: "p_cy", Nickname: "cy"}, {ID: "p_di", Nickname: "di"}} {
			s.Join(lobby, who, "")
			r.waitPresence(t, i+1, i+1)
		}
		s.Leave(lobby, "p_di")
		r.waitPresence(t, 3, 3)
		s.Leave(lobby, "p_cy")
		r.waitPresence(t, 2, 2)
		if got := r.notices(t); !slices.Equal(got, []string{"join ana", "join bob", "leave cy"}) {
			t.Errorf("notices %q", got)
		}
	})
}

func TestPresence_OnlyThoseWithANicknameCountForNoticesAndRenamesAreAlwaysTold(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.NoticeLimit = 1
		s, _ := running(t, addr, o)
		r, _ := follow(t, s, 0)
		for i := range 101 {
			s.Join(lobby, chat.Person{ID: fmt.Sprint("p_", i)}, "")
		}
		r.waitPresence(t, 101, 0)
		s.Join(lobby, ana, "")
		r.waitPresence(t, 102, 1)
		s.Join(lobby, bob, "") // one too many
		r.waitPresence(t, 103, 2)
		if err := s.Rename(t.Context(), lobby, chat.Person{ID: bob.ID, Nickname: "rob"}, bob.Nickname); err != nil {
			t.Fatal(err)
		}
		want := []string{"join ana", "rename bob rob"}
		r.wait(t, "the rename", func() bool { return slices.Equal(r.notices(t), want) })
	})
}

func TestPresence_IsToldToAnInstanceWhoseReadersChangeNothing(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		a, _ := running(t, addr, quick())
		ra, _ := follow(t, a, 0)
		a.Join(lobby, ana, "")
		a.Join(lobby, bob, "")
		ra.waitPresence(t, 2, 2)
		b, _ := running(t, addr, quick())
		rb, _ := follow(t, b, 0)
		b.Join(lobby, ana, "") // counted already
		rb.waitPresence(t, 2, 2)
		eventually(t, "it knows", func() bool { return b.Participants(lobby) == chat.Presence{Participants: 2, Named: 2} })
	})
}

func TestPresence_IsAnnouncedAtMostSoOften(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.PresenceEvery = 200 * time.Millisecond
		s, _ := running(t, addr, o)
		follow(t, s, 0)
		r := listener(t, addr)
		began := time.Now()
		for i := range 200 {
			s.Join(lobby, chat.Person{ID: fmt.Sprint("p_", i)}, "")
		}
		r.waitPresence(t, 200, 0)
		r.announcedAtMost(t, o.PresenceEvery, began)
	})
}

// What a herd brings is told to Redis in many runs, and announced in few.
func TestPresence_OfAHerdIsAnnouncedSeldom(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.PresenceEvery = 200 * time.Millisecond
		s, _ := running(t, addr, o)
		follow(t, s, 0)
		r := listener(t, addr)
		began := time.Now()
		const n = 8 * maxChanges
		for i := range n {
			s.Join(lobby, chat.Person{ID: fmt.Sprint("p_", i)}, "")
		}
		r.waitPresence(t, n, 0)
		r.announcedAtMost(t, o.PresenceEvery, began)
	})
}

func TestPresence_OfARoomThatNobodyReadsLeavesNothing(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		r, _ := follow(t, s, 0)
		s.Join(lobby, ana, "")
		r.waitPresence(t, 1, 1)
		s.Leave(lobby, ana.ID)
		r.waitPresence(t, 0, 0)
		keys, err := s.client.Keys(t.Context(), s.keys.room(lobby)+":*").Result()
		if err != nil || len(keys) > 0 {
			t.Errorf("left: %q, error %v", keys, err)
		}
		s.Unfollow(lobby)
		eventually(t, "forgotten here too", func() bool {
			s.presence.mu.Lock()
			defer s.presence.mu.Unlock()
			return len(s.presence.rooms) == 0
		})
	})
}
