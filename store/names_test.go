package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

func TestClaim_AHeldNicknameIsTakenUntilItIsReleased(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		for range 2 { // the second renews it
			if err := s.Claim(t.Context(), "p_ana", "Ana"); err != nil {
				t.Fatal(err)
			}
		}
		err := s.Claim(t.Context(), "p_bob", "ANA") // the same by its key
		taken, ok := errors.AsType[*chat.NicknameTaken](err)
		if !ok || taken.Nickname != "ANA" || taken.Suggestion != "ANA2" {
			t.Fatalf("%v, suggestion %q", err, taken.Suggestion)
		}
		if err := s.Claim(t.Context(), "p_bob", taken.Suggestion); err != nil {
			t.Errorf("the suggestion: %v", err)
		}
		if holder := holder(t, s, "ana"); holder != "p_ana" {
			t.Errorf("holder %q", holder)
		}
		if err := s.release(t.Context(), "p_bob", "ana"); err != nil {
			t.Fatal(err)
		}
		if holder := holder(t, s, "ana"); holder != "p_ana" {
			t.Errorf("released by another session: holder %q", holder)
		}
		if err := s.release(t.Context(), "p_ana", "ana"); err != nil {
			t.Fatal(err)
		}
		if holder := holder(t, s, "ana"); holder != "" {
			t.Errorf("after its release: holder %q", holder)
		}
		if err := s.Claim(t.Context(), "p_bob", "ana"); err != nil {
			t.Error(err)
		}
	})
}

func TestHold_RenewsAndGivesBackButNotWhatWasGivenUp(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		for _, n := range []chat.Nickname{"ana", "anna"} { // a rename
			if err := s.Claim(t.Context(), "p_ana", n); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.release(t.Context(), "p_ana", "ana"); err != nil {
			t.Fatal(err)
		}
		if err := s.Hold(t.Context(), "p_ana", Token{}, "ana"); !errors.Is(err, chat.ErrNicknameGivenUp) {
			t.Errorf("with the old token: %v", err)
		}
		if holder := holder(t, s, "ana"); holder != "" {
			t.Errorf("the name that was given up is held by %q", holder)
		}
		s.client.Expire(t.Context(), s.keys.name("anna"), time.Minute)
		if err := s.Hold(t.Context(), "p_ana", Token{}, "ANNA"); err != nil {
			t.Errorf("with the new one: %v", err)
		}
		if ttl := s.client.TTL(t.Context(), s.keys.name("anna")).Val(); ttl < nameTTL-time.Minute {
			t.Errorf("held for %s", ttl)
		}
		if _, ok := errors.AsType[*chat.NicknameTaken](s.Hold(t.Context(), "p_bob", Token{}, "anna")); !ok {
			t.Error("another session's name was not taken")
		}
		s.client.FlushAll(t.Context())
		if err := s.Hold(t.Context(), "p_ana", Token{}, "anna"); err != nil {
			t.Errorf("after Redis lost its data: %v", err)
		}
		if holder := holder(t, s, "anna"); holder != "p_ana" {
			t.Errorf("then it is held by %q", holder)
		}
	})
}

func TestClaim_IsHeldForADayAfterItsLastUse(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		if err := s.client.Set(t.Context(), s.keys.name("ana"), "p_ana", time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
		if err := s.Claim(t.Context(), "p_ana", "ana"); err != nil {
			t.Fatal(err)
		}
		if ttl := s.client.TTL(t.Context(), s.keys.name("ana")).Val(); ttl < nameTTL-time.Minute || ttl > nameTTL {
			t.Errorf("held for %s", ttl)
		}
	})
}

func TestClaim_SuggestsTheFirstThatIsFree(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s := idle(t, addr, quick())
		for i, name := range []chat.Nickname{"ana", "ana2", "ana3"} {
			if err := s.Claim(t.Context(), fmt.Sprint("p_", i), name); err != nil {
				t.Fatal(err)
			}
		}
		err := s.Claim(t.Context(), "p_bob", "ana")
		if taken, ok := errors.AsType[*chat.NicknameTaken](err); !ok || taken.Suggestion != "ana4" {
			t.Errorf("%v, suggestion %q", err, taken.Suggestion)
		}
	})
}

// holder is the session that holds a nickname, "" if it is free.
func holder(t testing.TB, s *Store, n chat.Nickname) string {
	t.Helper()
	session, err := s.client.Get(t.Context(), s.keys.name(n)).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		t.Fatal(err)
	}
	return session
}

func TestNumbered_KeepsANicknameValid(t *testing.T) {
	for name, want := range map[chat.Nickname]chat.Nickname{
		"ana": "ana12",
		chat.Nickname(strings.Repeat("x", chat.MaxNicknameGraphemes)):   chat.Nickname(strings.Repeat("x", chat.MaxNicknameGraphemes-2) + "12"),
		chat.Nickname(strings.Repeat("é", chat.MaxNicknameGraphemes)):   chat.Nickname(strings.Repeat("é", chat.MaxNicknameGraphemes-2) + "12"),
		chat.Nickname(strings.Repeat("👍", chat.MaxNicknameGraphemes-1)): chat.Nickname(strings.Repeat("👍", chat.MaxNicknameGraphemes-2) + "12"),
	} {
		if got, ok := numbered(name, 12); !ok || got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
