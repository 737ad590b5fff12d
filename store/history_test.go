package store

import (
	"slices"
	"testing"

	"causette/chat"
)

func TestHistory_PagesBackwardsFromAnyPosition(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		ids := sayNumbers(t, s, 0, 9)
		head := ids[9]
		beyond := chat.EventID{Epoch: head.Epoch, Seq: 10}
		for _, c := range []struct {
			name   string
			before chat.EventID
			limit  int
			want   []string
			more   bool
			gap    bool
		}{
			{"the newest", chat.EventID{}, 3, numbers(7, 9), true, false},
			{"all, exactly", chat.EventID{}, 10, numbers(0, 9), false, false},
			{"more than there is", chat.EventID{}, 100, numbers(0, 9), false, false},
			{"none", chat.EventID{}, 0, []string{}, true, false},
			{"the middle", ids[5], 2, numbers(3, 4), true, false},
			{"up to the start", ids[3], 3, numbers(0, 2), false, false},
			{"before the first", ids[0], 3, []string{}, false, false},
			{"after the last", beyond, 2, numbers(8, 9), true, false},
			{"the future", chat.EventID{Epoch: head.Epoch, Seq: 11}, 2, []string{}, false, true},
			{"another epoch", chat.EventID{Epoch: head.Epoch - 1, Seq: 5}, 2, []string{}, false, true},
		} {
			p, err := s.Before(t.Context(), lobby, c.before, c.limit)
			if err != nil || !slices.Equal(textsOf(t, p.Events), c.want) || p.More != c.more || p.Gap != c.gap || p.Head != head {
				t.Errorf("%s: %v more=%v gap=%v head=%s, error %v", c.name, textsOf(t, p.Events), p.More, p.Gap, p.Head, err)
			}
		}
	})
}

func TestHistory_PagesForwardsFromAnyPositionAndSaysWhichIsNone(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		ids := sayNumbers(t, s, 0, 9)
		head := ids[9]
		for _, c := range []struct {
			name  string
			after chat.EventID
			limit int
			want  []string
			more  bool
			gap   bool
		}{
			{"the start", chat.EventID{}, 3, numbers(0, 2), true, false},
			{"the first", ids[0], 3, numbers(1, 3), true, false},
			{"the rest, exactly", ids[6], 3, numbers(7, 9), false, false},
			{"the last", head, 3, []string{}, false, false},
			{"the future", chat.EventID{Epoch: head.Epoch, Seq: 10}, 3, []string{}, false, true},
			{"an older epoch", chat.EventID{Epoch: head.Epoch - 1, Seq: 3}, 3, []string{}, false, true},
			{"a newer epoch", chat.EventID{Epoch: head.Epoch + 1, Seq: 0}, 3, []string{}, false, true},
		} {
			p, err := s.After(t.Context(), lobby, c.after, c.limit)
			if err != nil || !slices.Equal(textsOf(t, p.Events), c.want) || p.More != c.more || p.Gap != c.gap || p.Head != head {
				t.Errorf("%s: %v more=%v gap=%v head=%s, error %v", c.name, textsOf(t, p.Events), p.More, p.Gap, p.Head, err)
			}
		}
	})
}

func TestHistory_OfATrimmedLog(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		ids := sayNumbers(t, s, 0, 9)
		if err := s.client.XTrimMaxLen(t.Context(), s.keys.log(lobby), 4).Err(); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name  string
			after chat.EventID
			want  []string
			gap   bool
		}{
			{"the start", chat.EventID{}, []string{}, true},
			{"a position before what was trimmed", ids[4], []string{}, true},
			{"the last that was trimmed", ids[5], numbers(6, 9), false},
			{"the first that was kept", ids[6], numbers(7, 9), false},
		} {
			p, err := s.After(t.Context(), lobby, c.after, 100)
			if err != nil || !slices.Equal(textsOf(t, p.Events), c.want) || p.Gap != c.gap {
				t.Errorf("after %s: %v gap=%v, error %v", c.name, textsOf(t, p.Events), p.Gap, err)
			}
		}
		for i, want := range map[int][]string{9: numbers(6, 8), 7: numbers(6, 6), 6: {}, 2: {}} {
			p, err := s.Before(t.Context(), lobby, ids[i], 100)
			if err != nil || !slices.Equal(textsOf(t, p.Events), want) || p.More || p.Gap {
				t.Errorf("before %d: %v more=%v gap=%v, error %v", i, textsOf(t, p.Events), p.More, p.Gap, err)
			}
		}
	})
}

func TestHistory_OfAnEvictedLogKeepsItsEnd(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		ids := sayNumbers(t, s, 0, 2)
		if err := s.client.Del(t.Context(), s.keys.log(lobby)).Err(); err != nil {
			t.Fatal(err)
		}
		for after, gap := range map[chat.EventID]bool{{}: true, ids[1]: true, ids[2]: false} {
			if p, err := s.After(t.Context(), lobby, after, 10); err != nil || p.Gap != gap || len(p.Events) > 0 {
				t.Errorf("after %s: %+v, error %v", after, p, err)
			}
		}
		if m := say(t, s, "3"); m.ID.Seq != 3 {
			t.Errorf("the log goes on with %s", m.ID)
		}
	})
}

func TestHistory_OfALogThatNeverWas(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		for _, c := range []struct {
			at  chat.EventID
			gap bool
		}{{chat.EventID{}, false}, {chat.EventID{Epoch: 1795383673803, Seq: 5}, true}} {
			after, err := s.After(t.Context(), lobby, c.at, 10)
			if err != nil || after.Gap != c.gap || after.More || !after.Head.IsZero() || len(after.Events) > 0 {
				t.Errorf("after %s: %+v, error %v", c.at, after, err)
			}
			before, err := s.Before(t.Context(), lobby, c.at, 10)
			if err != nil || before.Gap != c.gap || before.More || !before.Head.IsZero() || len(before.Events) > 0 {
				t.Errorf("before %s: %+v, error %v", c.at, before, err)
			}
		}
	})
}

func TestHistory_APageNeverHasAHole(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		ids := sayNumbers(t, s, 0, 9)
		if err := s.client.XDel(t.Context(), s.keys.log(lobby), ids[4].String()).Err(); err != nil {
			t.Fatal(err)
		}
		if p, err := s.Before(t.Context(), lobby, chat.EventID{}, 100); err != nil || !slices.Equal(textsOf(t, p.Events), numbers(5, 9)) || p.More {
			t.Errorf("before: %v more=%v, error %v", textsOf(t, p.Events), p.More, err)
		}
		if p, err := s.After(t.Context(), lobby, ids[1], 100); err != nil || !p.Gap || len(p.Events) > 0 {
			t.Errorf("after: %+v, error %v", p, err)
		}
		if p, err := s.After(t.Context(), lobby, ids[5], 100); err != nil || !slices.Equal(textsOf(t, p.Events), numbers(6, 9)) {
			t.Errorf("after the hole: %+v, error %v", p, err)
		}
	})
}
