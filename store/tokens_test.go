package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"causette/chat"
)

// take makes a change of nickname that must succeed.
func take(t testing.TB, s *Store, c NicknameChange) Token {
	t.Helper()
	next, err := s.ChangeNickname(t.Context(), c)
	if err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	return next
}

// counts asks in every way whether a token counts; all agree.
func counts(t testing.TB, s *Store, session string, token Token, n chat.Nickname) bool {
	t.Helper()
	p := post("salut")
	p.Session, p.Token, p.Who, p.Guest = session, token, session, false
	p.Message.Author = chat.Person{ID: session, Nickname: n}
	_, errPost := s.Append(t.Context(), p)
	p.Guest, p.Message.Author.ID = true, "g_1"
	_, errGuest := s.Append(t.Context(), p)
	errCheck, errHold := s.CheckToken(t.Context(), session, token), s.Hold(t.Context(), session, token, n)
	answers := []error{errCheck, errHold, errPost, errGuest}
	for i, err := range answers {
		if ended := errors.Is(err, chat.ErrSessionEnded); err != nil && !ended || ended != (errCheck != nil) {
			t.Fatalf("%+v: answer %d is %v of %v", token, i, err, answers)
		}
	}
	return errCheck == nil
}

func onEachKindOfRedis(t *testing.T, test func(t *testing.T, s *Store)) {
	eachRedis(t, func(t *testing.T, addr string) { test(t, idle(t, addr, quick())) })
	t.Run("a cluster", func(t *testing.T) { test(t, New(Shared(startCluster(t)), quick())) })
}

// namedToken is a token and the nickname in it.
type namedToken struct {
	token Token
	name  chat.Nickname
}

// tokenModel is what is to be of one session's tokens.
type tokenModel struct {
	s    *Store
	all  []namedToken   // so far
	good map[Token]bool // those that count
}

const modelSession = "p_model"

// add notes a token that counts.
func (m *tokenModel) add(t Token, name chat.Nickname) {
	m.all = append(m.all, namedToken{t, name})
	m.good[t] = true
}

// revive lets the session go on if all of it was ended, with a token of a later generation.
func (m *tokenModel) revive(name chat.Nickname) {
	if len(m.good) == 0 {
		m.add(Token{Generation: time.Now().Add(time.Minute).UnixMilli() + int64(len(m.all)), ID: newTokenID()}, name)
	}
}

func (m *tokenModel) end(t *testing.T, from namedToken, all bool) {
	t.Helper()
	may := m.good[from.token]
	if err := m.s.EndSession(t.Context(), modelSession, from.token, all); (err == nil) != may {
		t.Fatalf("end %+v, all %v: %v", from, all, err)
	}
	if delete(m.good, from.token); may && (all || from.token.ID == "") {
		clear(m.good)
	}
	m.revive(from.name)
}

func (m *tokenModel) take(t *testing.T, from namedToken, name chat.Nickname) {
	t.Helper()
	may := m.good[from.token]
	next, err := m.s.ChangeNickname(t.Context(), NicknameChange{
		Session: modelSession, Token: from.token, Was: from.name, Now: name,
	})
	if (err == nil) != may || err != nil && !errors.Is(err, chat.ErrSessionEnded) {
		t.Fatalf("take %s with %+v: %v", name, from, err)
	}
	if !may {
		return
	}
	if name != from.name {
		clear(m.good)
	}
	m.add(next, name)
}

// Of any sequence of renames and ends, with any of the tokens so far, just those of the
// current generation count that were not ended.
func TestTokens_OnlyThoseOfTheGenerationCountThatWereNotEnded(t *testing.T) {
	onEachKindOfRedis(t, func(t *testing.T, s *Store) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		dice := rand.New(rand.NewPCG(seed, 1))
		names := []chat.Nickname{"ana", "anna", "anne"}
		if err := s.Claim(t.Context(), modelSession, names[0]); err != nil {
			t.Fatal(err)
		}
		m := &tokenModel{s: s, good: make(map[Token]bool)}
		m.add(Token{}, names[0]) // an older version's
		m.add(NewToken(), names[0])
		for step := range 60 {
			from := m.all[dice.IntN(len(m.all))]
			switch what := dice.IntN(8); what {
			case 0, 1, 2:
				m.end(t, from, what == 0)
			default:
				m.take(t, from, names[dice.IntN(len(names))])
			}
			for _, made := range m.all {
				if got := counts(t, s, modelSession, made.token, made.name); got != m.good[made.token] {
					t.Fatalf("step %d, with %+v: %+v counts: %v", step, from, made, got)
				}
			}
		}
	})
}

func TestTokens_OfTwoChangesAtOnceOneIsMade(t *testing.T) {
	onEachKindOfRedis(t, func(t *testing.T, s *Store) {
		for i := range 20 {
			session := fmt.Sprint("p_", i)
			if err := s.Claim(t.Context(), session, "ana"); err != nil {
				t.Fatal(err)
			}
			first := NewToken()
			wanted := []chat.Nickname{"anna", "anne", "annie"}
			got := make([]error, len(wanted))
			var wg sync.WaitGroup
			for j, n := range wanted {
				wg.Go(func() {
					ask := NicknameChange{Session: session, Token: first, Was: "ana", Now: n}
					_, got[j] = s.ChangeNickname(t.Context(), ask)
				})
			}
			wg.Wait()
			won := slices.Index(got, nil)
			for j, err := range got {
				if (j == won) != (err == nil) || err != nil && !errors.Is(err, chat.ErrSessionEnded) {
					t.Fatalf("%v", got)
				}
				want := map[bool]string{true: session}[j == won]
				if h := holder(t, s, wanted[j]); h != want {
					t.Errorf("%s is held by %q, want %q", wanted[j], h, want)
				}
			}
			if h := holder(t, s, "ana"); h != "" {
				t.Errorf("the name before is held by %q", h)
			}
			if won < 0 {
				t.Fatal("nobody won")
			}
			if err := s.release(t.Context(), session, wanted[won].Key()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestTokens_TheSameChangeAgainIsAnsweredAlikeForAWhile(t *testing.T) {
	onEachKindOfRedis(t, func(t *testing.T, s *Store) {
		if err := s.Claim(t.Context(), "p_ana", "ana"); err != nil {
			t.Fatal(err)
		}
		ask := NicknameChange{Session: "p_ana", Token: NewToken(), Was: "ana", Now: "anna", Nonce: "n-1"}
		first := take(t, s, ask)
		// As if it had been cut off before it gave the name up.
		if err := s.claim(t.Context(), "p_ana", "ana"); err != nil {
			t.Fatal(err)
		}
		if again := take(t, s, ask); again != first {
			t.Errorf("%+v became %+v", first, again)
		}
		if h := holder(t, s, "ana"); h != "" {
			t.Errorf("the name before is held by %q", h)
		}
		long := time.Now().Add(-nonceTTL - time.Minute).UnixMilli()
		if err := s.client.HSet(t.Context(), s.keys.tokens("p_ana"), "generation", long).Err(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ChangeNickname(t.Context(), ask); !errors.Is(err, chat.ErrSessionEnded) {
			t.Errorf("much later: %v", err)
		}
	})
}

func TestTokens_AGenerationIsNotBelowWhatTokensCarryAfterRedisLostItsData(t *testing.T) {
	onEachKindOfRedis(t, func(t *testing.T, s *Store) {
		ask := NicknameChange{Session: "p_ana", Token: NewToken(), Was: "ana", Now: "anna"}
		second := take(t, s, ask)
		if err := s.client.FlushDB(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if !counts(t, s, "p_ana", second, "anna") {
			t.Error("the token does not outlive Redis's data")
		}
		third := take(t, s, NicknameChange{Session: "p_ana", Token: second, Was: "anna", Now: "anne"})
		if third.Generation <= second.Generation || counts(t, s, "p_ana", second, "anna") {
			t.Errorf("%+v, then %+v", second, third)
		}
	})
}

func TestTokens_WhatIsRememberedIsBoundedAndExpires(t *testing.T) {
	onEachKindOfRedis(t, func(t *testing.T, s *Store) {
		kept := NewToken()
		for range 2 * maxEnded {
			err := s.EndSession(t.Context(), "p_ana", NewToken(), false)
			if err != nil && !errors.Is(err, chat.ErrSessionEnded) {
				t.Fatal(err)
			}
		}
		key := s.keys.tokens("p_ana")
		if n := s.client.HLen(t.Context(), key).Val(); n > maxEnded+5 {
			t.Errorf("%d fields", n)
		}
		if ttl := s.client.TTL(t.Context(), key).Val(); ttl < chat.SessionLife-time.Minute || ttl > chat.SessionLife {
			t.Errorf("kept for %s", ttl)
		}
		if err := s.CheckToken(t.Context(), "p_ana", kept); !errors.Is(err, chat.ErrSessionEnded) {
			t.Errorf("past the bound all end: %v", err)
		}
	})
}

func TestTokens_AnEndGivesTheNicknameUp(t *testing.T) {
	onEachKindOfRedis(t, func(t *testing.T, s *Store) {
		if err := s.Claim(t.Context(), "p_ana", "ana"); err != nil {
			t.Fatal(err)
		}
		ended, other := NewToken(), NewToken()
		if err := s.EndSession(t.Context(), "p_ana", ended, false); err != nil {
			t.Fatal(err)
		}
		if h := holder(t, s, "ana"); h != "" {
			t.Errorf("held by %q", h)
		}
		err := s.Hold(t.Context(), "p_ana", ended, "ana")
		if !errors.Is(err, chat.ErrSessionEnded) || holder(t, s, "ana") != "" {
			t.Errorf("the ended token: %v", err)
		}
		if err := s.Hold(t.Context(), "p_ana", other, "ana"); err != nil || holder(t, s, "ana") != "p_ana" {
			t.Errorf("another token of the session: %v", err)
		}
	})
}

func TestRename_ToNoNameIsALeaveOfOneWhoStays(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		a, b, ra, rb, _ := twoInstances(t, addr, quick())
		a.Join(lobby, ana, "")
		b.Join(lobby, ana, "")
		b.Join(lobby, bob, "")
		ra.waitPresence(t, 2, 2)
		if err := a.Rename(t.Context(), lobby, chat.Person{ID: ana.ID}, "ana"); err != nil {
			t.Fatal(err)
		}
		for _, r := range []*recorder{ra, rb} {
			r.waitNotice(t, "leave ana")
			r.waitPresence(t, 2, 1)
		}
		if _, people, err := b.People(t.Context(), lobby); err != nil || !slices.Equal(people, []chat.Person{bob}) {
			t.Errorf("people %+v, error %v", people, err)
		}
		if err := b.Rename(t.Context(), lobby, chat.Person{ID: ana.ID, Nickname: "anna"}, ""); err != nil {
			t.Fatal(err)
		}
		ra.waitNotice(t, "join anna")
		ra.waitPresence(t, 2, 2)
	})
}
