package store

import (
	"slices"
	"strings"
	"testing"

	"causette/chat"
)

func TestHistory_APageEndsBeforeItHasTooManyBytes(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		ids := sayNumbers(t, s, 0, 9)
		all, err := s.After(t.Context(), lobby, chat.EventID{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		size := len(all.Events[0].Data)
		for _, c := range []struct {
			name         string
			after        chat.EventID
			limit, bytes int
			want         []string
			more         bool
		}{
			{"three fit", chat.EventID{}, 10, 3*size + 1, numbers(0, 2), true},
			{"three, exactly", ids[1], 10, 3 * size, numbers(2, 4), true},
			{"one, whatever its size", ids[1], 10, 1, numbers(2, 2), true},
			{"fewer are asked for", ids[1], 2, 3 * size, numbers(2, 3), true},
			{"all fit", ids[6], 10, 3 * size, numbers(7, 9), false},
			{"there are none", ids[9], 10, 1, []string{}, false},
		} {
			p, err := s.AfterWithin(t.Context(), lobby, c.after, c.limit, c.bytes)
			if err != nil || !slices.Equal(textsOf(t, p.Events), c.want) || p.More != c.more || p.Gap {
				t.Errorf("%s: %v more=%v gap=%v, error %v", c.name, textsOf(t, p.Events), p.More, p.Gap, err)
			}
		}
	})
}

func TestFollow_LoadsFewerWhereMessagesAreLong(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		for range 20 {
			say(t, s, strings.Repeat("a", 1900))
		}
		const load = 30 // as large as so many short ones: four of these
		r, head := follow(t, s, load)
		var got []chat.EventID
		for _, e := range r.of(chat.KindMessage) {
			got = append(got, e.ID)
		}
		if n := len(got); n < 2 || n > load*shortEvent/1900 || got[n-1] != head {
			t.Errorf("%d are loaded, head %s", n, head)
		}
	})
}
