package store

import (
	"fmt"
	"slices"
	"testing"

	"causette/chat"
)

func TestEpoch_ALogThatWentBackIsNoticedEvenIfPostsCameFirst(t *testing.T) {
	for _, after := range []int{0, 1, 5, 9} { // fewer than were lost, as many, more
		t.Run(fmt.Sprint(after, " posts"), func(t *testing.T) {
			r := startRewindable(t)
			far, severed := severable(t, r.server.addr)
			writer := idle(t, r.server.addr, quick())
			sink, _ := follow(t, far, 20)
			ids := sayNumbers(t, writer, 0, 4)
			r.keep(t, writer.client)
			ids = append(ids, sayNumbers(t, writer, 5, 9)...)
			sink.wait(t, "what is said before", func() bool { return len(sink.texts(t)) == 10 })

			severed.Store(true)
			r.goBack(t)
			var again []chat.EventID
			for i := range after {
				again = append(again, repeatUntilAccepted(t, writer, post(fmt.Sprint("new ", i))))
			}
			severed.Store(false)

			want := append(numbers(0, 9), "<replace>")
			want = append(want, numbers(0, 4)...)
			for i := range after {
				want = append(want, fmt.Sprint("new ", i))
			}
			sink.wait(t, "the log that is", func() bool { return len(sink.texts(t)) >= len(want) })
			if got := sink.texts(t); !slices.Equal(got, want) {
				t.Errorf("got %v", got)
			}
			for i, id := range again {
				if slices.Contains(ids, id) || id.Seq != int64(5+i) || id.Epoch <= ids[9].Epoch {
					t.Errorf("post %d after the loss is %s", i, id)
				}
			}
			checkNobodyResumes(t, writer, ids)
			checkLog(t, writer, want[11:])
			if page, err := writer.Before(t.Context(), lobby, chat.EventID{}, after); err != nil || !slices.Equal(idsOf(page.Events), again) {
				t.Errorf("accepted as %v, in the log as %v, error %v", again, idsOf(page.Events), err)
			}
		})
	}
}

func idsOf(events []chat.Event) (ids []chat.EventID) {
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}

// checkNobodyResumes asks for what follows each id: nobody knows, whether it was lost
// or not, since what was lost may have come after it.
func checkNobodyResumes(t *testing.T, s *Store, ids []chat.EventID) {
	t.Helper()
	for _, id := range ids {
		page, err := s.After(t.Context(), lobby, id, 100)
		if err != nil || !page.Gap || len(page.Events) > 0 {
			t.Errorf("after %s: %d events, gap %t, error %v", id, len(page.Events), page.Gap, err)
		}
	}
}

// checkLog reads the whole log, and what follows each of its ids.
func checkLog(t *testing.T, s *Store, want []string) {
	t.Helper()
	all, err := s.After(t.Context(), lobby, chat.EventID{}, 100)
	if err != nil || all.Gap || !slices.Equal(textsOf(t, all.Events), want) {
		t.Errorf("the log has %v, gap %t, error %v; want %v", textsOf(t, all.Events), all.Gap, err, want)
	}
	contiguous(t, all.Events)
	for i, e := range all.Events {
		page, err := s.After(t.Context(), lobby, e.ID, 100)
		if err != nil || page.Gap || !slices.Equal(textsOf(t, page.Events), want[i+1:]) {
			t.Errorf("after %s: %v, gap %t, error %v", e.ID, textsOf(t, page.Events), page.Gap, err)
		}
	}
}

func TestEpoch_WhoHadNotYetHeardWhatWasLostIsToldToo(t *testing.T) {
	r := startRewindable(t)
	near, severed := severable(t, r.server.addr)
	far, _ := severable(t, r.server.addr)
	writer := idle(t, r.server.addr, quick())
	behind, _ := follow(t, near, 20)
	ahead, _ := follow(t, far, 20)
	sayNumbers(t, writer, 0, 4)
	behind.wait(t, "what is said before", func() bool { return len(behind.texts(t)) == 5 })
	severed.Store(true)
	killFeed(t, near)
	behind.wait(t, "down", func() bool { return len(behind.of(chat.KindStatus)) == 1 })
	sayNumbers(t, writer, 5, 6)
	r.keep(t, writer.client)
	sayNumbers(t, writer, 7, 9)
	ahead.wait(t, "what the other does not hear", func() bool { return len(ahead.texts(t)) == 10 })

	r.goBack(t)
	severed.Store(false)
	repeatUntilAccepted(t, writer, post("new"))
	want := append(append(numbers(0, 9), "<replace>"), append(numbers(0, 6), "new")...)
	ahead.wait(t, "what is left, and what is new", func() bool { return len(ahead.texts(t)) >= len(want) })
	if got := ahead.texts(t); !slices.Equal(got, want) {
		t.Errorf("ahead: got %v", got)
	}
	checkTold(t, behind, append(numbers(0, 6), "new"))
}

// checkTold waits until a sink was told that its log was replaced, and has the whole
// of what is there now.
func checkTold(t *testing.T, r *recorder, log []string) {
	t.Helper()
	var since []string
	r.wait(t, "replaced, and all of the log", func() bool {
		texts := r.texts(t)
		at := slices.Index(texts, "<replace>")
		if at < 0 {
			return false
		}
		since = texts[at+1:]
		return len(since) >= len(log)
	})
	if !slices.Equal(since, log) {
		t.Errorf("after it was replaced it got %v", since)
	}
}

// What was accepted and lost before any reader had it is known to the instance that
// accepted it alone.
func TestEpoch_WhatWasAcceptedAndHeardByNobodyIsTold(t *testing.T) {
	for _, posts := range []int{0, 1} {
		t.Run(fmt.Sprint(posts, " posts"), func(t *testing.T) {
			r := startRewindable(t)
			reader, severed := severable(t, r.server.addr)
			writer, _ := severable(t, r.server.addr)
			sink, _ := follow(t, reader, 20)
			ids := sayNumbers(t, writer, 0, 4)
			sink.wait(t, "what is said before", func() bool { return len(sink.texts(t)) == 5 })
			r.keep(t, writer.client)
			severed.Store(true)
			killFeed(t, reader)
			sink.wait(t, "down", func() bool { return len(sink.of(chat.KindStatus)) == 1 })
			sayNumbers(t, writer, 5, 5)

			r.goBack(t)
			want := numbers(0, 4)
			if posts == 1 {
				repeatUntilAccepted(t, writer, post("new"))
				want = append(want, "new")
			}
			severed.Store(false)
			checkTold(t, sink, want)
			checkNobodyResumes(t, writer, ids)
			checkLog(t, writer, want)
		})
	}
}

// Only the first of a group may contradict what was accepted before.
func TestEpoch_AGroupThatGoesOnPastWhatWasLostShowsIt(t *testing.T) {
	r := startRewindable(t)
	reader, severed := severable(t, r.server.addr)
	writer := idle(t, r.server.addr, quick())
	sink, _ := follow(t, reader, 20)
	ids := sayNumbers(t, writer, 0, 4)
	sink.wait(t, "what is said before", func() bool { return len(sink.texts(t)) == 5 })
	r.keep(t, writer.client)
	severed.Store(true)
	killFeed(t, reader)
	sink.wait(t, "down", func() bool { return len(sink.of(chat.KindStatus)) == 1 })
	ids = append(ids, sayNumbers(t, writer, 5, 5)...)
	r.goBack(t)

	var group []*landing
	for i := range 4 {
		l := newLanding(t.Context(), nonced(fmt.Sprint("new ", i)))
		l.must = nameChecked
		group = append(group, l)
	}
	writer.landGroup(lobby, group)
	var again []chat.EventID
	for _, l := range group {
		landed := <-l.done
		must(t, landed.err)
		receipt, err := l.receipt(landed)
		must(t, err)
		again = append(again, receipt.Message.ID)
	}
	severed.Store(false)
	want := append(numbers(0, 4), "new 0", "new 1", "new 2", "new 3")
	checkTold(t, sink, want)
	checkNobodyResumes(t, writer, ids)
	checkLog(t, writer, want)
	if page, err := writer.Before(t.Context(), lobby, chat.EventID{}, 4); err != nil || !slices.Equal(idsOf(page.Events), again) {
		t.Errorf("accepted as %v, in the log as %v, error %v", again, idsOf(page.Events), err)
	}
}

func TestEpoch_ARestartThatLostNothingIsNoGap(t *testing.T) {
	r := startRewindable(t)
	s, _ := running(t, r.server.addr, quick())
	sink, _ := follow(t, s, 20)
	ids := sayNumbers(t, s, 0, 2)
	for i := 3; i < 9; i += 3 {
		sink.wait(t, "what is said before", func() bool { return len(sink.texts(t)) == i })
		r.keep(t, s.client)
		r.goBack(t)
		ids = append(ids, repeatUntilAccepted(t, s, post(fmt.Sprint(i))))
		ids = append(ids, sayNumbers(t, s, i+1, i+2)...)
	}
	sink.wait(t, "everything", func() bool { return len(sink.texts(t)) >= 9 })
	if got := sink.texts(t); !slices.Equal(got, numbers(0, 8)) {
		t.Errorf("got %v", got)
	}
	if ids[0].Epoch == ids[3].Epoch || ids[3].Epoch == ids[6].Epoch {
		t.Errorf("ids %v", ids)
	}
	checkLog(t, s, numbers(0, 8))
}

func TestEpoch_AnEventOfAnotherIsNotBelievedBeforeTheLogWasAsked(t *testing.T) {
	for lose, replaces := range map[int]int{0: 0, 1: 1, 3: 1} {
		m := newModelLog(10)
		m.room.begin()
		settle(t, m)
		for range 5 {
			m.publish(true)
		}
		m.goBack(lose)
		for range lose {
			m.publish(false)
		}
		m.publish(true) // the next seq to all appearances
		settle(t, m)
		if got := m.sink.of("replace"); len(got) != replaces || m.room.position() != m.headID() {
			t.Errorf("%d lost: %d replaces, at %s of %s", lose, len(got), m.room.position(), m.headID())
		}
	}
}
