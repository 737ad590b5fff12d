package store

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"causette/chat"
)

func TestFeedRoom_IsContiguousWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModelLog(rapid.IntRange(0, 20).Draw(t, "load"))
		for range rapid.IntRange(0, 30).Draw(t, "before") {
			m.publish(false)
		}
		m.room.begin()
		pageSize := rapid.IntRange(1, 8).Draw(t, "page")
		if rapid.Bool().Draw(t, "open first") {
			settleModel(t, m, pageSize)
		}
		t.Repeat(map[string]func(*rapid.T){
			"say":      func(*rapid.T) { m.publish(true) },
			"say more": func(*rapid.T) { m.publish(true); m.publish(true); m.publish(true) },
			"unheard":  func(*rapid.T) { m.publish(false) },
			"old": func(t *rapid.T) {
				if len(m.events) > 0 {
					m.room.announce(rapid.SampledFrom(m.events).Draw(t, "again"))
				}
			},
			"live only": func(*rapid.T) { m.room.announce(chat.Event{Kind: chat.KindTyping}) },
			"burst": func(*rapid.T) {
				for range maxPending + 5 {
					m.publish(true)
				}
			},
			"flush":   func(*rapid.T) { m.flush() },
			"tear":    func(t *rapid.T) { m.tear(rapid.Bool().Draw(t, "announced")) },
			"go back": func(t *rapid.T) { m.goBack(rapid.IntRange(0, 5).Draw(t, "lose")) },
			"trim":    func(t *rapid.T) { m.trim(rapid.IntRange(0, 5).Draw(t, "keep")) },
			"reconnect": func(*rapid.T) {
				if m.room.lost(errors.New("gone")) { // a reading goes on, and is answered late
					m.publish(true) // into the void
					m.room.begin()
				}
			},
			"elsewhere": func(*rapid.T) {
				m.room.suspend()
				m.publish(true) // into the void
				m.room.begin()
			},
			"ask": func(*rapid.T) {
				if !m.reading {
					m.ask(pageSize)
				}
			},
			"answer": func(*rapid.T) {
				if m.reading {
					m.answer()
				}
			},
			"": func(t *rapid.T) { checkOrder(t, m) },
		})
		if closed(m.room) {
			return // the connection was lost before the room was open: Follow said so
		}
		settleModel(t, m, pageSize)
		m.publish(true) // shows a hole that nobody noticed yet
		settleModel(t, m, pageSize)
		checkOrder(t, m)
		if at := m.room.position(); at != m.headID() {
			t.Fatalf("the sink is at %s, the log at %s", at, m.headID())
		}
		if len(m.sink.of("replace")) > m.disturbs {
			t.Fatalf("replaced %d times, after %d disturbances", len(m.sink.of("replace")), m.disturbs)
		}
	})
}

func closed(r *feedRoom) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// settleModel reads until the room is live. It must come to an end.
func settleModel(t *rapid.T, m *modelLog, pageSize int) {
	for range 10_000 {
		if m.reading {
			m.answer()
		}
		if m.ask(pageSize); !m.reading {
			return
		}
	}
	t.Fatal("the room never gets live")
}

// checkOrder fails unless what the sink got has no hole and no double.
func checkOrder(t *rapid.T, m *modelLog) {
	last, known := chat.EventID{}, false
	for _, e := range m.sink.all() {
		switch {
		case e.Kind == "replace":
			known = false
			continue
		case !e.Durable():
			continue
		case string(e.Data) != e.ID.String():
			t.Fatalf("%s says %s", e.ID, e.Data)
		case known && last != m.before[e.ID]:
			t.Fatalf("%s is followed by %s, which came after %s", last, e.ID, m.before[e.ID])
		}
		last, known = e.ID, true
	}
}
