package templates

import (
	"testing"
	"time"

	"causette/chat"
)

func TestPerson_LooksAsTheScriptShowsThem(t *testing.T) {
	for _, c := range shared[struct {
		ID, Initial string
		Name        chat.Nickname
		Hue         int
	}](t, "people.json") {
		if got := hue(c.ID); got != c.Hue {
			t.Errorf("hue(%q) = %d, want %d", c.ID, got, c.Hue)
		}
		if got := initial(c.Name); got != c.Initial {
			t.Errorf("initial(%q) = %q, want %q", c.Name, got, c.Initial)
		}
	}
}

func TestRow_ContinuesAGroupOfOneAuthorWithinFiveMinutes(t *testing.T) {
	at := time.Date(2026, 11, 22, 23, 57, 0, 0, time.UTC)
	ana := chat.Person{ID: "p_a", Nickname: "ana"}
	first := chat.Message{At: chat.Instant{Time: at}, Author: ana}
	for name, c := range map[string]struct {
		author chat.Person
		after  time.Duration
		want   bool
	}{
		"at once":          {ana, 0, true},
		"soon":             {ana, 2 * time.Minute, true},
		"the next day":     {ana, 4 * time.Minute, false},
		"late":             {ana, 5 * time.Minute, false},
		"before":           {ana, -time.Second, false},
		"somebody else":    {chat.Person{ID: "p_b", Nickname: "ana"}, 0, false},
		"under a new name": {chat.Person{ID: "p_a", Nickname: "anna"}, 0, false},
	} {
		next := chat.Message{At: chat.Instant{Time: at.Add(c.after)}, Author: c.author}
		if got := continues(first, next); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
