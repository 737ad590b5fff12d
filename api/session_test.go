package api

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"causette/addr"
	"causette/chat"
	"causette/store"
)

func TestSession_TheCookieCarriesThePortAndHidesFromScript(t *testing.T) {
	s := newServer(t)
	for host, want := range map[string]string{
		"localhost:4101": "causette-4101=", "chat.example": "causette=", "[::1]:4100": "causette-4100=", "x:99999": "causette=",
	} {
		got := s.do(request{method: "GET", path: "/", header: map[string]string{"Host": host}}).expect(t, 200).header.Get("Set-Cookie")
		if !strings.HasPrefix(got, want) || !strings.Contains(got, "HttpOnly") || !strings.Contains(got, "SameSite=Lax") || strings.Contains(got, "Secure") {
			t.Errorf("%s: %q", host, got)
		}
	}
}

func TestSession_UnderTLSTheCookieIsBoundToTheHost(t *testing.T) {
	s := newServer(t)
	behindProxy := map[string]string{"X-Forwarded-Proto": "https", "Host": "chat.example"}
	got := s.do(request{method: "GET", path: "/", header: behindProxy}).header.Get("Set-Cookie")
	if !strings.HasPrefix(got, "__Host-causette=") || !strings.Contains(got, "Secure") || !strings.Contains(got, "Path=/") {
		t.Errorf("cookie %q", got)
	}
}

func TestSession_TheProtoOfAStrangerIsNotBelieved(t *testing.T) {
	s := newServer(t, func(o *Options, _ *store.Options) {
		o.TrustedProxies = addr.Ranges{netip.MustParsePrefix("10.0.0.0/8")}
	})
	got := s.do(request{method: "GET", path: "/", header: map[string]string{"X-Forwarded-Proto": "https"}}).header.Get("Set-Cookie")
	if strings.Contains(got, "Secure") {
		t.Errorf("cookie %q", got)
	}
}

// cookieOf is the session cookie that an answer sets, ready to be sent back.
func cookieOf(t *testing.T, a answer) string {
	t.Helper()
	cookie, _, found := strings.Cut(a.header.Get("Set-Cookie"), ";")
	if !found {
		t.Fatal("no cookie was set")
	}
	return cookie
}

func TestSession_ABrowserKeepsItsIDWhenItTakesANickname(t *testing.T) {
	s := newServer(t)
	cookie := cookieOf(t, s.get("/").expect(t, 200))
	named := s.do(request{method: "POST", path: "/nicknames", body: "nickname=ana", header: map[string]string{
		"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded",
	}}).expect(t, 200)
	renamed := s.do(request{method: "POST", path: "/nicknames", body: `{"nickname":"anna"}`, header: map[string]string{
		"Cookie": cookieOf(t, named),
	}}).expect(t, 200)
	first, second := decode[identity](t, named), decode[identity](t, renamed)
	if first.ID != second.ID || second.Nickname != "anna" {
		t.Errorf("%+v became %+v", first, second)
	}
	s.join("ana") // the old name is free again
	again := s.do(request{method: "GET", path: "/", header: map[string]string{"Cookie": cookieOf(t, renamed)}}).expect(t, 200)
	if again.header.Get("Set-Cookie") != "" {
		t.Error("a fresh session was replaced")
	}
}

func TestPage_FillsInTheNicknameOfAnEarlierVisit(t *testing.T) {
	s := newServer(t)
	var liking string
	for _, cookie := range s.post("/nicknames", "", `{"nickname":"Zoé & co"}`).expect(t, 200).header["Set-Cookie"] {
		if strings.HasPrefix(cookie, nicknameCookie+"=") {
			liking, _, _ = strings.Cut(cookie, ";")
		}
	}
	html := s.do(request{method: "GET", path: "/", header: map[string]string{"Cookie": liking}}).expect(t, 200).body
	if !strings.Contains(html, `value="Zoé &amp; co"`) {
		t.Errorf("cookie %q: the name is not in the form", liking)
	}
}

func TestSession_ATakenNicknameComesWithAFreeOne(t *testing.T) {
	s := newServer(t)
	s.join("ana")
	p := s.post("/nicknames", "", `{"nickname":"Ana"}`).expectProblem(t, 409, "nickname_taken")
	if p.Suggestion == "" {
		t.Fatal("no suggestion")
	}
	s.join(string(p.Suggestion))
}

func TestSession_AnOldTokenCannotSpeakUnderANameThatSomebodyElseTook(t *testing.T) {
	s := newServer(t)
	old := s.join("ana")
	s.post("/nicknames", old.Token, `{"nickname":"anna"}`).expect(t, 200)
	s.join("ana")
	s.post("/messages", old.Token, `{"text":"it is me"}`).expectProblem(t, 401, "invalid_token")
}

func TestSession_AnOldTokenCannotSpeakUnderANameItGaveUp(t *testing.T) {
	s := newServer(t)
	old := s.join("ana")
	renamed := decode[identity](t, s.post("/nicknames", old.Token, `{"nickname":"anna"}`).expect(t, 200))
	s.post("/messages", old.Token, `{"text":"it is me"}`).expectProblem(t, 401, "invalid_token")
	s.post("/messages", renamed.Token, `{"text":"it is me"}`).expect(t, 201)
	s.join("ana") // it is free
}

func TestSession_ANicknameThatRedisForgotIsItsSessionsAgain(t *testing.T) {
	s := newServer(t)
	ana := s.join("ana")
	s.redis.FlushAll()
	s.post("/messages", ana.Token, `{"text":"still here"}`).expect(t, 201)
	s.post("/nicknames", "", `{"nickname":"ana"}`).expectProblem(t, 409, "nickname_taken")
}

func TestSession_NewOnesAreLimitedByAddress(t *testing.T) {
	s := newServer(t, func(_ *Options, o *store.Options) { o.SessionRate = 1 })
	s.join("ana")
	a := s.post("/nicknames", "", `{"nickname":"bob"}`)
	a.expectProblem(t, 429, "rate_limited")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestSession_ABearerTokenWinsOverACookie(t *testing.T) {
	s := newServer(t)
	cookie := cookieOf(t, s.post("/nicknames", "", `{"nickname":"ana"}`))
	bob := s.join("bob")
	m := decode[chat.Message](t, s.do(request{method: "POST", path: "/messages", body: `{"text":"salut"}`, header: map[string]string{
		"Cookie": cookie, "Authorization": "bearer " + bob.Token,
	}}).expect(t, http.StatusCreated))
	if m.Author.ID != bob.ID {
		t.Errorf("author %+v", m.Author)
	}
}

func TestSession_ABadCookieCountsForNone(t *testing.T) {
	s := newServer(t)
	bad := map[string]string{"Cookie": "causette=forged", "Host": "chat.example"}
	a := s.do(request{method: "GET", path: "/", header: bad}).expect(t, 200)
	if !strings.HasPrefix(a.header.Get("Set-Cookie"), "causette=") {
		t.Error("the bad cookie was not replaced")
	}
}

func TestSession_WithoutAKeyReadingGoesOn(t *testing.T) {
	unavailable := func(context.Context) ([]byte, error) { return nil, chat.ErrUnavailable }
	s := newServer(t, func(o *Options, _ *store.Options) { o.SessionSecrets = nil })
	s.redis.Close()
	a := s.do(request{method: "GET", path: "/", header: map[string]string{"Cookie": "causette=unknown", "Host": "h"}}).expect(t, 200)
	if a.header.Get("Set-Cookie") != "" {
		t.Error("a cookie that could not be checked was replaced")
	}
	if _, err := newSessions(nil, unavailable).sign(t.Context(), chat.Person{ID: "p_1"}, store.NewToken()); err == nil {
		t.Error("signed without a key")
	}
}

func TestSession_OnlyItsLastNicknameIsASessions(t *testing.T) {
	s := newServer(t)
	bob := s.join("bob")
	robert := decode[identity](t, s.post("/nicknames", bob.Token, `{"nickname":"robert"}`).expect(t, 200))
	s.post("/nicknames", bob.Token, `{"nickname":"eve"}`).expectProblem(t, 401, "invalid_token") // with the first token
	carl := decode[identity](t, s.post("/nicknames", robert.Token, `{"nickname":"carl"}`).expect(t, 200))
	s.post("/messages", bob.Token, `{"text":"a"}`).expectProblem(t, 401, "invalid_token")
	s.post("/messages", robert.Token, `{"text":"a"}`).expectProblem(t, 401, "invalid_token")
	s.post("/messages", carl.Token, `{"text":"a"}`).expect(t, 201)
}

func TestSession_AnOldTokenIsNotShownUnderANameItGaveUp(t *testing.T) {
	s := newServer(t)
	old := s.join("ana")
	s.post("/nicknames", old.Token, `{"nickname":"anna"}`).expect(t, 200)
	s.join("ana")
	s.post("/typing", old.Token, `{}`).expectProblem(t, 401, "invalid_token")
	s.do(request{method: "GET", path: "/events", header: map[string]string{"Authorization": "Bearer " + old.Token}}).
		expectProblem(t, 401, "invalid_token")
	host := strings.TrimPrefix(s.url, "http://")
	_, port, _ := strings.Cut(host, ":")
	events := s.open("/events", map[string]string{"Cookie": "causette-" + port + "=" + old.Token})
	defer events.close()
	if hello := events.next(t); strings.Contains(hello, old.ID) || strings.Contains(hello, `"nickname"`) {
		t.Errorf("hello: %s", hello)
	}
}

func TestSession_GuestsOfOneAddressHaveNoncesOfTheirOwn(t *testing.T) {
	s := newServer(t)
	for _, nickname := range []string{"ana", "bob"} {
		m := decode[chat.Message](t, s.post("/messages", "", `{"nickname":"`+nickname+`","text":"salut","nonce":"1"}`).expect(t, 201))
		if string(m.Author.Nickname) != nickname {
			t.Errorf("%s's message is %+v", nickname, m)
		}
	}
	p := s.post("/messages", "", `{"nickname":"eve","text":"hey"}`)
	p.expect(t, 201)
	s.join("eve")
	if p := s.post("/messages", "", `{"nickname":"eve","text":"hey"}`).expectProblem(t, 409, "nickname_taken"); p.Suggestion == "" {
		t.Error("a guest gets no suggestion")
	}
}

func TestSession_RealIPIsNotBelieved(t *testing.T) {
	s := newServer(t, func(_ *Options, o *store.Options) { o.SessionRate = 1 })
	s.join("ana")
	for _, name := range []string{"X-Real-Ip", "X-Client-Ip", "Forwarded"} {
		s.do(request{method: "POST", path: "/nicknames", body: `{"nickname":"bob"}`, header: map[string]string{name: "192.0.2.7"}}).
			expectProblem(t, 429, "rate_limited")
	}
	s.do(request{method: "POST", path: "/nicknames", body: `{"nickname":"bob"}`, header: map[string]string{"X-Forwarded-For": "192.0.2.7"}}).
		expect(t, 200)
}
