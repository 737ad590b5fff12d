package store

import (
	"context"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"causette/chat"
)

// settle reads until the room is live.
func settle(t *testing.T, m *modelLog) {
	t.Helper()
	for range 10 {
		if m.ask(10); !m.reading {
			return
		}
		m.answer()
	}
	t.Fatal("the room never gets live")
}

// TestHistory_PagesOverEpochsAreThoseOfTheModel holds page.lua against the model,
// for logs that were lost in part several times, and trimmed.
func TestHistory_PagesOverEpochsAreThoseOfTheModel(t *testing.T) {
	s := idle(t, startRedis(t).addr, quick())
	rapid.Check(t, func(t *rapid.T) {
		m := newModelLog(0)
		for range rapid.IntRange(1, 5).Draw(t, "epochs") {
			for range rapid.IntRange(1, 8).Draw(t, "events") {
				m.publish(false)
			}
			m.goBack(rapid.IntRange(0, 5).Draw(t, "lose"))
		}
		m.publish(false)
		m.trim(rapid.IntRange(1, 30).Draw(t, "keep"))
		storeModel(t, s, m)
		at := chat.EventID{}
		if rapid.Bool().Draw(t, "position") {
			at.Epoch = 1000 + 10*rapid.Int64Range(0, 5).Draw(t, "epoch")
			at.Seq = rapid.Int64Range(0, m.next+2).Draw(t, "seq")
		}
		limit := rapid.IntRange(1, 12).Draw(t, "limit")
		want := m.after(at, limit)
		got, err := s.After(context.Background(), lobby, at, limit)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("after %s: %v, error %v, want %v of %v", at, got, err, want, m.events)
		}
		checkBefore(t, s, m, at, limit)
	})
}

func checkBefore(t *rapid.T, s *Store, m *modelLog, at chat.EventID, limit int) {
	got, err := s.Before(context.Background(), lobby, at, limit)
	if err != nil {
		t.Fatal(err)
	}
	stop := m.next
	if !at.IsZero() {
		if stop = at.Seq; !m.knows(chat.EventID{Epoch: at.Epoch, Seq: at.Seq - 1}) {
			if !got.Gap || len(got.Events) > 0 {
				t.Fatalf("before %s: %v of %v", at, got, m.events)
			}
			return
		}
	}
	end := max(stop-(m.next-int64(len(m.events))), 0)
	begin := max(end-int64(limit), 0)
	if got.Gap || got.More != (begin > 0) || fmt.Sprint(got.Events) != fmt.Sprint(m.events[begin:end]) {
		t.Fatalf("before %s: %v, want %v of %v", at, got, m.events[begin:end], m.events)
	}
}

// storeModel makes the room's log in Redis what the model's is.
func storeModel(t *rapid.T, s *Store, m *modelLog) {
	ctx := context.Background()
	pipe := s.client.Pipeline()
	pipe.FlushAll(ctx)
	for _, e := range m.events {
		pipe.Do(ctx, "XADD", s.keys.log(lobby), e.ID.String(), "e", e.Data)
	}
	pipe.HSet(ctx, s.keys.head(lobby), "epoch", m.headID().Epoch, "next", m.next)
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
}
