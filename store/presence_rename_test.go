package store

import (
	"slices"
	"testing"

	"causette/chat"
)

func TestRename_IsHeardInEveryRoomOnEveryInstance(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		a, b, ra, rb, _ := twoInstances(t, addr, quick())
		other := newRecorder()
		if _, err := b.Follow(t.Context(), "other", 0, other); err != nil {
			t.Fatal(err)
		}
		a.Join(lobby, ana, "")
		b.Join(lobby, ana, "")
		b.Join("other", ana, "")
		ra.waitPresence(t, 1, 1)
		other.waitPresence(t, 1, 1)
		bea := chat.Person{ID: ana.ID, Nickname: `bea "x"`}
		if err := a.Rename(t.Context(), lobby, bea, "ana"); err != nil {
			t.Fatal(err)
		}
		for _, r := range []*recorder{ra, rb, other} {
			r.wait(t, "the rename", func() bool { return len(r.notices(t)) == 2 })
			if got := r.notices(t); !slices.Equal(got, []string{"join ana", `rename ana bea "x"`}) {
				t.Errorf("notices %q", got)
			}
		}
		eventually(t, "every instance knows", func() bool {
			return b.client.HGet(t.Context(), b.keys.here(lobby, b.o.Instance), ana.ID).Val() == string(bea.Nickname)
		})
		// Who registers everyone again does so under the new name.
		if err := a.client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "registered again", func() bool {
			_, people, err := a.People(t.Context(), lobby)
			return err == nil && slices.Equal(people, []chat.Person{bea})
		})
		if got := ra.notices(t); len(got) != 2 {
			t.Errorf("notices %q", got)
		}
	})
}

func TestRename_OfOneWhoHadNoNameIsAJoin(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		r, _ := follow(t, s, 0)
		s.Join(lobby, eve, "")
		r.waitPresence(t, 1, 0)
		if err := s.Rename(t.Context(), lobby, chat.Person{ID: eve.ID, Nickname: "eve"}, ""); err != nil {
			t.Fatal(err)
		}
		r.waitPresence(t, 1, 1)
		if got := r.notices(t); !slices.Equal(got, []string{"join eve"}) {
			t.Errorf("notices %q", got)
		}
	})
}

func TestRename_IsNotUndoneByAStreamThatStillHasTheOldName(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		a, b, ra, _, _ := twoInstances(t, addr, quick())
		bea := chat.Person{ID: ana.ID, Nickname: "bea"}
		a.Join(lobby, ana, "")
		ra.waitPresence(t, 1, 1)
		if err := a.Rename(t.Context(), lobby, bea, "ana"); err != nil {
			t.Fatal(err)
		}
		a.Join(lobby, ana, "")
		b.Join(lobby, ana, "")
		b.Join(lobby, bob, "")
		ra.waitPresence(t, 2, 2)
		if got := sorted(ra.notices(t)); !slices.Equal(got, []string{"join ana", "join bob", "rename ana bea"}) {
			t.Errorf("notices %q", got)
		}
		if _, people, err := b.People(t.Context(), lobby); err != nil || !slices.Equal(people, []chat.Person{bea, bob}) {
			t.Errorf("people %+v, error %v", people, err)
		}
	})
}

func TestPresence_AReaderWhoComesBackWithANameJoins(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		r, _ := follow(t, s, 0)
		s.Join(lobby, eve, "")
		r.waitPresence(t, 1, 0)
		s.Join(lobby, chat.Person{ID: eve.ID, Nickname: "eve"}, "")
		r.waitPresence(t, 1, 1)
		if got := r.notices(t); !slices.Equal(got, []string{"join eve"}) {
			t.Errorf("notices %q", got)
		}
	})
}

func TestRename_OfOneWhoIsNotThereIsNotAnnounced(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		r, _ := follow(t, s, 0)
		if err := s.Rename(t.Context(), lobby, ana, "anna"); err != nil {
			t.Fatal(err)
		}
		s.Join(lobby, bob, "")
		r.waitNotice(t, "join bob")
		if got := r.notices(t); !slices.Equal(got, []string{"join bob"}) {
			t.Errorf("notices %q", got)
		}
	})
}
