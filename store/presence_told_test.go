package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"causette/chat"
)

// tells runs presence.lua for the lobby, once, and returns how long what it leaves
// unsaid has to wait.
func (s *Store) tells(t testing.TB, list ...change) time.Duration {
	t.Helper()
	keys, args := s.presenceCall(&telling{room: lobby, list: list})
	v, err := s.run(t.Context(), "tell", presenceScript, keys, args...)
	wait := readPresence(newReply(v), &err).wait
	must(t, err)
	return wait
}

// toldAt has the lobby's counts announced last at another time.
func (s *Store) toldAt(t testing.TB, at time.Time) {
	t.Helper()
	must(t, s.client.HSet(t.Context(), s.keys.told(lobby), "at", at.UnixMilli()).Err())
}

// listener is what an instance hears of the lobby that has no readers there: nothing but
// what is announced.
func listener(t testing.TB, addr string) *recorder {
	t.Helper()
	s, _ := running(t, addr, quick())
	r, _ := follow(t, s, 0)
	return r
}

// announcedAtMost fails if the counts were announced more than once in a time, since
// began. The clock of the script has milliseconds.
func (r *recorder) announcedAtMost(t testing.TB, every time.Duration, began time.Time) {
	t.Helper()
	took := time.Since(began)
	if said := len(r.of(chat.KindPresence)); said > 1+int(took/(every-time.Millisecond)) {
		t.Errorf("announced %d times in %s", said, took)
	}
}

func TestPresenceScript_AnnouncesOnceInATimeWhateverInstanceRunsIt(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		listener, _ := running(t, addr, quick())
		r, _ := follow(t, listener, 0)
		o := quick()
		o.Lease, o.PresenceEvery = time.Minute, time.Hour
		a, b := idle(t, addr, o), idle(t, addr, o)
		join := func(who chat.Person) change { return change{"join", who.ID, who.Nickname, ""} }
		leave := func(who chat.Person) change { return change{op: "leave", session: who.ID} }
		long := time.Now().Add(-2 * time.Hour)
		for _, step := range []struct {
			what string
			told time.Time // if set, when the counts were announced last
			by   *Store
			list []change
			says bool // or there is nothing to say
		}{
			{"the first is announced at once", time.Time{}, a, []change{join(ana)}, true},
			{"the second is not, by another instance", time.Time{}, b, []change{join(bob)}, false},
			{"nor by the next", time.Time{}, a, nil, false},
			{"that the counts are as before has to be said", time.Time{}, b, []change{leave(bob)}, false},
			{"by whoever comes when it is due", long, a, nil, true},
			{"and once", long, b, nil, true},
			{"a name is a change", time.Now(), a, []change{join(eve), {"rename", eve.ID, "eve", ""}}, false},
			{"the clock went back", time.Now().Add(time.Hour), b, nil, true},
			{"nobody is left, which nobody hears", time.Time{}, a, []change{leave(ana), leave(eve)}, true},
			{"nobody is there", time.Time{}, a, nil, true},
		} {
			if !step.told.IsZero() {
				a.toldAt(t, step.told)
			}
			wait := step.by.tells(t, step.list...)
			if says := wait == 0; says != step.says || wait > 2*time.Hour {
				t.Errorf("%s: to wait %s", step.what, wait)
			}
		}
		say(t, listener, "that is all")
		r.wait(t, "the end", func() bool { return len(r.texts(t)) == 1 })
		want := []string{
			`{"participants":1,"named":1}`, `{"participants":1,"named":1}`,
			`{"participants":2,"named":2}`, `{"participants":0,"named":0}`,
		}
		if got := r.data(chat.KindPresence); !slices.Equal(got, want) {
			t.Errorf("announced %q", got)
		}
		if a.client.Exists(t.Context(), a.keys.told(lobby)).Val() != 0 {
			t.Error("it is remembered of an empty room")
		}
	})
}

func TestPresenceScript_AnnouncesMoreSeldomTheMoreHearIt(t *testing.T) {
	addr := startRedis(t).addr
	o := quick()
	o.PresenceEvery = time.Hour
	s := idle(t, addr, o)
	for _, c := range []struct{ people, times int }{{1000, 2}, {9000, 10}, {100_000, 101}, {300_000, 240}} {
		fill := `for i = 1, ARGV[1] do redis.call('HSET', KEYS[1], i, 1) end return 1`
		must(t, s.client.Eval(t.Context(), fill, []string{s.keys.roster(lobby)}, c.people).Err())
		s.toldAt(t, time.Now())
		want := time.Duration(c.times) * o.PresenceEvery
		comes := change{op: "join", session: fmt.Sprint("p_", c.people)}
		if wait := s.tells(t, comes); wait > want+time.Minute || wait < want-time.Minute {
			t.Errorf("%d people: announced every %s, not %s", c.people, wait, want)
		}
	}
}

func TestPresence_OfManyInstancesIsAnnouncedAtMostSoOften(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.PresenceEvery = 200 * time.Millisecond
		var instances []*Store
		var recorders []*recorder
		for range 4 {
			s, _ := running(t, addr, o)
			r, _ := follow(t, s, 0)
			instances, recorders = append(instances, s), append(recorders, r)
		}
		announced := listener(t, addr)
		recorders = append(recorders, announced)
		began, n := time.Now(), 0
		for range 3 {
			for _, s := range instances {
				for range 25 {
					n++
					s.Join(lobby, chat.Person{ID: fmt.Sprint("p_", n)}, "")
				}
			}
			for _, r := range recorders {
				r.waitPresence(t, n, 0)
			}
		}
		announced.announcedAtMost(t, o.PresenceEvery, began)
	})
}

// No lease is renewed in this test, so that an instance has to come again.
func TestPresence_LeftUnsaidIsSaidOnceItIsDue(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.Lease, o.PresenceEvery = time.Hour, 300*time.Millisecond
		a, b, ra, rb, _ := twoInstances(t, addr, o)
		announced := listener(t, addr)
		began := time.Now()
		a.Join(lobby, ana, "")
		rb.waitPresence(t, 1, 1)
		b.Join(lobby, bob, "")
		ra.waitPresence(t, 2, 2)
		b.Leave(lobby, bob.ID)
		a.Join(lobby, eve, "")
		a.Join(lobby, bob, "")
		ra.waitPresence(t, 3, 2)
		a.Leave(lobby, bob.ID)
		b.Join(lobby, eve, "")
		rb.waitPresence(t, 2, 1)
		a.Leave(lobby, eve.ID)
		b.Leave(lobby, eve.ID) // b has nobody left
		announced.waitPresence(t, 1, 1)
		announced.announcedAtMost(t, o.PresenceEvery, began)
	})
}

func TestPresence_LeftUnsaidByADeadInstanceIsSaidByAnother(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.PresenceEvery = 200 * time.Millisecond
		s, _ := running(t, addr, o)
		r, _ := follow(t, s, 0)
		dead := idle(t, addr, o)
		const most = 50
		for i := range most {
			s.Join(lobby, chat.Person{ID: fmt.Sprint("p_", i)}, "")
		}
		r.waitPresence(t, most, 0)
		named := 1
		for ; dead.tells(t, change{"rename", fmt.Sprint("p_", named), chat.Nickname(fmt.Sprint("n", named)), ""}) == 0; named++ {
			if named == most {
				t.Fatal("nothing is ever left unsaid")
			}
		}
		r.waitPresence(t, most, named)
	})
}
