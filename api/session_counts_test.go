package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"causette/chat"
)

// asCookie is a token as the browser sends it back.
func (s *server) asCookie(token string) string {
	_, port, _ := strings.Cut(strings.TrimPrefix(s.url, "http://"), ":")
	return "causette-" + port + "=" + token
}

// rename takes another nickname.
func (s *server) rename(token, nickname string) identity {
	s.t.Helper()
	return decode[identity](s.t, s.post("/nicknames", token, `{"nickname":"`+nickname+`"}`).expect(s.t, http.StatusOK))
}

// setsSession is the token in the session cookie that an answer sets, if it sets one.
func (a answer) setsSession() (token string, found bool) {
	for _, line := range a.header.Values("Set-Cookie") {
		name, rest, _ := strings.Cut(line, "=")
		if cookieForm.MatchString(name) {
			token, _, _ = strings.Cut(rest, ";")
			return token, true
		}
	}
	return "", false
}

// Every route where a token counts, with every kind of token. A bearer token that does not
// count is 401; a cookie that does not counts for none.
func TestSession_ATokenCountsEverywhereOrNowhere(t *testing.T) {
	kinds := []struct {
		name   string
		counts bool
		token  func(s *server) string // of a session called ana, or once called so
	}{
		{"a current one", true, func(s *server) string { return s.join("ana").Token }},
		{"another of the same nickname", true, func(s *server) string { return s.rename(s.join("ana").Token, "ana").Token }},
		{"after a rename there and back", true, func(s *server) string {
			return s.rename(s.rename(s.join("ana").Token, "anna").Token, "ana").Token
		}},
		{"an older version's", true, func(s *server) string { return olderToken(s.t, s.join("ana").ID) }},
		{"one before a rename", false, func(s *server) string {
			token := s.join("ana").Token
			s.rename(token, "anna")
			return token
		}},
		{"an older version's, before a rename", false, func(s *server) string {
			token := olderToken(s.t, s.join("ana").ID)
			s.rename(token, "anna")
			return token
		}},
		{"one before a rename there and back", false, func(s *server) string {
			token := s.join("ana").Token
			s.rename(s.rename(token, "anna").Token, "ana")
			return token
		}},
		{"an ended one", false, func(s *server) string {
			token := s.join("ana").Token
			s.post("/session/end", token, `{}`).expect(s.t, 204)
			return token
		}},
		{"one of which all were ended", false, func(s *server) string {
			token := s.join("ana").Token
			s.post("/session/end", s.rename(token, "ana").Token, `{"all":"true"}`).expect(s.t, 204)
			return token
		}},
		{"an older version's that was ended", false, func(s *server) string {
			token := olderToken(s.t, s.join("ana").ID)
			s.post("/session/end", token, `{}`).expect(s.t, 204)
			return token
		}},
	}
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			s := newServer(t)
			token := k.token(s)
			s.refusesOrTakes(t, token, k.counts)
			s.countsForNoneOrCounts(t, s.asCookie(token), token, k.counts)
		})
	}
}

// refusesOrTakes sends a bearer token everywhere.
func (s *server) refusesOrTakes(t *testing.T, token string, counts bool) {
	t.Helper()
	bearer := map[string]string{"Authorization": "Bearer " + token}
	for _, r := range []request{
		{method: "POST", path: "/messages", body: `{"text":"salut"}`},
		{method: "POST", path: "/messages", body: `{"text":"salut","nickname":"ana"}`},
		{method: "POST", path: "/typing", body: `{}`},
		{method: "GET", path: "/"},
		{method: "POST", path: "/nicknames", body: `{"nickname":"ana"}`},
		{method: "POST", path: "/session/end", body: `{}`},
	} {
		if r.path == "/session/end" && counts {
			continue // it is wanted for more
		}
		r.header = bearer
		if a := s.do(r); counts && a.status >= 300 {
			t.Errorf("%s %s: %d %s", r.method, r.path, a.status, a.body)
		} else if !counts {
			a.expectProblem(t, 401, "invalid_token")
		}
	}
	if !counts {
		s.do(request{method: "GET", path: "/events", header: bearer}).expectProblem(t, 401, "invalid_token")
		return
	}
	events := s.open("/events", bearer)
	defer events.close()
	if hello := events.next(t); !strings.Contains(hello, `"nickname":"ana"`) {
		t.Errorf("hello: %s", hello)
	}
}

// countsForNoneOrCounts sends a cookie everywhere, as a page of the server does.
func (s *server) countsForNoneOrCounts(t *testing.T, cookie, token string, counts bool) {
	t.Helper()
	with := map[string]string{"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
	id := s.idOf(t, token)
	for path, body := range map[string]string{"/messages": `{"text":"salut"}`, "/typing": `{}`} {
		if a := s.do(request{method: "POST", path: path, body: body, header: with}); counts && a.status >= 300 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		} else if !counts {
			a.expectProblem(t, 422, "nickname_required")
		}
	}
	events := s.open("/events", with)
	defer events.close()
	if hello := events.next(t); strings.Contains(hello, id) != counts {
		t.Errorf("hello: %s", hello)
	}
	page := s.do(request{method: "GET", path: "/", header: with}).expect(t, 200)
	if strings.Contains(page.body, id) != counts {
		t.Errorf("the page has the session's id %s: %v", id, !counts)
	}
	if set, found := page.setsSession(); found && s.idOf(t, set) == id {
		t.Error("the page renewed the session")
	}
	rename := request{method: "POST", path: "/nicknames", body: `{"nickname":"zoe"}`, header: with}
	named := decode[identity](t, s.do(rename).expect(t, 200))
	if (named.ID == id) != counts {
		t.Errorf("the nickname went to %s, the token is of %s", named.ID, id)
	}
	// Now it is one before a rename, at best: there is nothing left to end, and nothing to keep.
	a := s.do(request{method: "POST", path: "/session/end", header: with}).expect(t, 204)
	if set, found := a.setsSession(); !found || set != "" {
		t.Errorf("the cookie was not deleted: %q", a.header.Values("Set-Cookie"))
	}
	s.post("/messages", named.Token, `{"text":"still here"}`).expect(t, 201)
}

// idOf is the session that a token names.
func (s *server) idOf(t *testing.T, token string) string {
	t.Helper()
	var c claims
	if _, _, err := jwt.NewParser().ParseUnverified(token, &c); err != nil {
		t.Fatal(err)
	}
	return c.Subject
}

// olderToken is a token as versions before generations signed it.
func olderToken(t *testing.T, id string) string {
	t.Helper()
	return token(t, jwt.SigningMethodHS256, []byte(testSecret), claimsOf(id, "ana", time.Now().Add(chat.SessionLife)))
}
