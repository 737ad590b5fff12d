package chat

import (
	"errors"
	"strings"
	"testing"
)

func TestParseRoomID_TakesPlainNamesAndDefaultsToTheLobby(t *testing.T) {
	for s, want := range map[string]RoomID{
		"":                      Lobby,
		"lobby":                 Lobby,
		"a":                     "a",
		"7":                     "7",
		"go-team_2":             "go-team_2",
		strings.Repeat("a", 64): RoomID(strings.Repeat("a", 64)),
	} {
		if got, err := ParseRoomID(s); err != nil || got != want {
			t.Errorf("ParseRoomID(%q) = %q, %v; want %q", s, got, err, want)
		}
	}
}

func TestParseRoomID_RefusesWhatWouldNotFitAURLOrAKey(t *testing.T) {
	for _, s := range []string{
		" ", "Lobby", "-a", "a-", "_a", "a_", "a b", "a/b", "..", "a.b", "a:b", "{a}", "a}b", "a*", "a?", "a[b]", "a\n", "\na",
		"a\x00", "été", "а" /* Cyrillic */, "a%20b", strings.Repeat("a", 65),
	} {
		got, err := ParseRoomID(s)
		invalid, ok := errors.AsType[*Invalid](err)
		if !ok || invalid.Code != "invalid_room" || invalid.Field != "room" || got != "" {
			t.Errorf("ParseRoomID(%q) = %q, %v; want invalid_room", s, got, err)
		}
	}
}
