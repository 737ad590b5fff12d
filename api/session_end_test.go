package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"causette/chat"
	"causette/store"
)

func TestSessionEnd_ThePageDoesNotRenewWhatDoesNotCount(t *testing.T) {
	s := newServer(t)
	ana := s.join("ana")
	inItsSecondHalf := func(generation int64, id string) string {
		c := claimsOf(ana.ID, "ana", time.Now().Add(chat.SessionLife/3))
		c.Generation, c.ID = generation, id
		return token(t, jwt.SigningMethodHS256, []byte(testSecret), c)
	}
	page := func(token string) answer {
		return s.do(request{method: "GET", path: "/", header: map[string]string{"Cookie": s.asCookie(token)}}).expect(t, 200)
	}
	renewed, found := page(inItsSecondHalf(7, "jti")).setsSession()
	if !found || s.idOf(t, renewed) != ana.ID {
		t.Fatal("one that counts was not renewed")
	}
	var c claims
	if _, _, err := jwt.NewParser().ParseUnverified(renewed, &c); err != nil || c.Generation != 7 || c.ID != "jti" {
		t.Errorf("renewed as %+v, %v", c, err)
	}
	s.rename(renewed, "anna")
	// Its owner's other tab may be about to hear of the new cookie: nothing overwrites it.
	if set, found := page(renewed).setsSession(); found {
		t.Errorf("a moment after the rename the page sets %s", set)
	}
	s.redis.HSet("chat:tokens:{chat:session:"+ana.ID+"}", "generation", "1700000000000")
	if set, found := page(renewed).setsSession(); !found || s.idOf(t, set) == ana.ID {
		t.Errorf("later the page sets %q: want a fresh session", set)
	}
}

func TestSessionEnd_TwoRenamesAtOnceAreOne(t *testing.T) {
	s := newServer(t, func(_ *Options, o *store.Options) { o.SessionRate = 0 })
	for range 20 {
		first := s.join("ana")
		answers := make(chan answer, 2)
		for _, nickname := range []string{"anna", "anne"} {
			go func() { answers <- s.post("/nicknames", first.Token, `{"nickname":"`+nickname+`"}`) }()
		}
		a, b := <-answers, <-answers
		if a.status != 200 {
			a, b = b, a
		}
		won := decode[identity](t, a.expect(t, 200))
		b.expectProblem(t, 401, "invalid_token")
		s.post("/messages", won.Token, `{"text":"it is me"}`).expect(t, 201)
		s.post("/nicknames", first.Token, `{"nickname":"ana"}`).expectProblem(t, 401, "invalid_token")
		s.post("/session/end", s.join("ana").Token, `{}`).expect(t, 204) // the others are free again
		loser := map[chat.Nickname]string{"anna": "anne", "anne": "anna"}[won.Nickname]
		s.post("/session/end", s.join(loser).Token, `{}`).expect(t, 204)
		s.post("/session/end", won.Token, `{}`).expect(t, 204)
	}
}

func TestSessionEnd_ARenameWhoseAnswerWasLostIsAskedAgain(t *testing.T) {
	s := newServer(t)
	first := s.join("ana")
	ask := `{"nickname":"anna","nonce":"n-1"}`
	s.post("/nicknames", first.Token, ask).expect(t, 200)
	again := decode[identity](t, s.post("/nicknames", first.Token, ask).expect(t, 200))
	if again.ID != first.ID || again.Nickname != "anna" {
		t.Errorf("%+v", again)
	}
	s.post("/messages", again.Token, `{"text":"it is me"}`).expect(t, 201)
	for _, other := range []string{
		`{"nickname":"anna"}`, `{"nickname":"anna","nonce":"n-2"}`, `{"nickname":"anne","nonce":"n-1"}`,
	} {
		s.post("/nicknames", first.Token, other).expectProblem(t, 401, "invalid_token")
	}
	last := s.rename(again.Token, "anne")
	s.post("/nicknames", first.Token, ask).expectProblem(t, 401, "invalid_token")
	s.post("/messages", last.Token, `{"text":"it is me"}`).expect(t, 201)
}

func TestSessionEnd_ATakenNicknameEndsNothing(t *testing.T) {
	s := newServer(t)
	s.join("bob")
	ana := s.join("ana")
	s.post("/nicknames", ana.Token, `{"nickname":"bob"}`).expectProblem(t, 409, "nickname_taken")
	s.post("/messages", ana.Token, `{"text":"still ana"}`).expect(t, 201)
}

func TestSessionEnd_ThisOneOrAll(t *testing.T) {
	s := newServer(t)
	first := s.join("ana")
	second, third := s.rename(first.Token, "ana"), s.rename(first.Token, "ana")
	s.post("/session/end", second.Token, `{}`).expect(t, 204)
	s.post("/messages", second.Token, `{"text":"a"}`).expectProblem(t, 401, "invalid_token")
	s.post("/messages", first.Token, `{"text":"back under my name"}`).expect(t, 201)
	s.post("/session/end", third.Token, `{"all":"true"}`).expect(t, 204)
	for _, ended := range []identity{first, second, third} {
		s.post("/messages", ended.Token, `{"text":"a"}`).expectProblem(t, 401, "invalid_token")
		s.post("/session/end", ended.Token, `{}`).expectProblem(t, 401, "invalid_token")
	}
	s.join("ana") // the name is free
}

func TestSessionEnd_WithoutASessionThereIsNothingToEnd(t *testing.T) {
	s := newServer(t)
	a := s.post("/session/end", "", `{}`).expect(t, 204)
	if a.body != "" || a.header.Get("Set-Cookie") != "" {
		t.Errorf("%q, %q", a.body, a.header.Get("Set-Cookie"))
	}
	s.post("/session/end", "", `{"all":"perhaps"}`).expectProblem(t, 422, "invalid_flag")
	s.post("/session/end", "a.b.c", `{}`).expectProblem(t, 401, "invalid_token")
	s.do(request{method: "POST", path: "/session/end", header: map[string]string{"Sec-Fetch-Site": "cross-site"}}).
		expectProblem(t, 403, "cross_origin")
}

func TestSessionEnd_TheFormComesBackToAPageThatAsksForANickname(t *testing.T) {
	s := newServer(t)
	cookie := cookieOf(t, s.browse(http.MethodPost, "/nicknames", "", "nickname=ana").expect(t, http.StatusSeeOther))
	if page := s.browse(http.MethodGet, "/", cookie, ""); !strings.Contains(page.body, `data-nickname="ana"`) ||
		!strings.Contains(page.body, `action="/session/end"`) {
		t.Error("the page knows no name, or has no way to give it up")
	}
	a := s.browse(http.MethodPost, "/session/end", cookie, "room=go").expect(t, http.StatusSeeOther)
	if set, found := a.setsSession(); !found || set != "" || a.header.Get("Location") != "/rooms/go" {
		t.Errorf("%q to %q", a.header.Values("Set-Cookie"), a.header.Get("Location"))
	}
	if page := s.browse(http.MethodGet, "/", "", ""); !strings.Contains(page.body, `data-nickname=""`) {
		t.Error("the page still knows a name")
	}
}

func TestSessionEnd_TheRoomHearsThatTheNameIsGone(t *testing.T) {
	s := newServer(t)
	ana := s.join("ana")
	events := s.open("/events", map[string]string{"Authorization": "Bearer " + ana.Token})
	defer events.close()
	// hello counts her before Redis does, and whom nobody heard come, nobody hears leave.
	eventually(t, func() bool { return strings.Contains(s.get("/participants").body, ana.ID) })
	s.post("/session/end", ana.Token, `{}`).expect(t, 204)
	notice := events.until(t, `"kind":"leave"`)
	if !strings.Contains(notice, `"who":{"id":"`+ana.ID+`","nickname":"ana"}`) {
		t.Errorf("notice: %s", notice)
	}
	events.until(t, `{"participants":1,"named":0}`)
	if who := s.get("/participants").expect(t, 200).body; strings.Contains(who, "ana") {
		t.Errorf("participants: %s", who)
	}
}
