package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"causette/chat"
	"causette/store"
)

// FuzzToken_OnlyWhatASecretSignedIsAPerson assembles tokens of any header and
// content, signed with one of our secrets or another, and with something behind.
func FuzzToken_OnlyWhatASecretSignedIsAPerson(f *testing.F) {
	f.Add(`{"alg":"HS256","typ":"JWT"}`, `{"sub":"p_1","name":"ana","exp":4102444800}`, byte(0), "")
	f.Add(`{"alg":"HS256"}`, `{"sub":"p_1","exp":4102444800}`, byte(1), "=")
	f.Add(`{"alg":"HS256"}`, `{"sub":"p_1","exp":4102444800}`, byte(2), "")
	f.Add(`{"alg":"none"}`, `{"sub":"p_1","exp":4102444800}`, byte(0), ".")
	f.Add(`{"alg":"HS256","alg":"HS512","crit":["exp"]}`, `{"sub":"p_1","exp":1,"EXP":4102444800}`, byte(0), "\n")
	f.Add(`{"alg":"HS256"}`, `{"sub":"p_","name":"a\nb","exp":4.1024448e9,"nbf":1}`, byte(0), "")
	f.Add(`{"alg":"HS256"}`, `{"sub":"p_1","name":["ana"],"exp":"4102444800","aud":[1]}`, byte(0), "")
	now := time.Date(2026, 11, 22, 21, 34, 30, 0, time.UTC)
	secrets := []string{testSecret, strings.Repeat("n", 32)}
	s := newSessions(secrets, nil)
	s.clock = func() time.Time { return now }
	f.Fuzz(func(t *testing.T, header, content string, signer byte, behind string) {
		key := "another key of thirty-two characters"
		ours := int(signer) < len(secrets)
		if ours {
			key = secrets[signer]
		}
		found, err := s.verify(t.Context(), assembled(header, content, []byte(key))+behind)
		if err != nil {
			if !errors.Is(err, errToken) || found != (session{}) {
				t.Fatalf("%+v, %v", found, err)
			}
			return
		}
		var head map[string]any
		var stated map[string]any
		if json.Unmarshal([]byte(header), &head) != nil || head["alg"] != "HS256" || json.Unmarshal([]byte(content), &stated) != nil {
			t.Fatalf("%q over %q was taken", header, content)
		}
		name, errName := chat.ParseNickname(string(found.Nickname))
		switch {
		case !ours, strings.Trim(behind, "\r\n") != "", !strings.HasPrefix(found.ID, "p_"), !found.expires.After(now),
			found.Nickname != "" && (errName != nil || name != found.Nickname):
			t.Fatalf("%q over %q and %q was taken for %+v", header, content, behind, found)
		}
		signed, err := s.sign(t.Context(), found.Person, found.token)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.verify(t.Context(), signed); len(signed) <= maxToken && (err != nil || again.Nickname != found.Nickname) {
			t.Fatalf("%+v came back as %+v, %v", found, again, err)
		}
	})
}

var cookieForm = regexp.MustCompile(`^(__Host-)?causette(-(0|[1-9][0-9]{0,4}))?$`)

// FuzzSession_IsWhatTheRequestBrings sends cookies and tokens that are none, and
// then one of ours in front of them.
func FuzzSession_IsWhatTheRequestBrings(f *testing.F) {
	f.Add("localhost:4100", false, "ana", "causette-4100=a.b.c; x", "Basic YTpi")
	f.Add("[::1]:65535", true, "Zoé & co", "__Host-causette-65535=\"\"", "bearer ")
	f.Add("chat.example:+1", false, "❤", "causette=;;=,causette=\xff", "Bearer a.b.c")
	f.Add("x:4100:", true, "", "causette-nickname=%ff%00", "BEARER\t")
	s := newSessions([]string{testSecret}, nil)
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	f.Fuzz(func(t *testing.T, host string, secure bool, nickname, cookies, authorization string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.Host = host
		r.Header["Cookie"] = []string{cookies}
		found, err := s.of(r, secure)
		if err != nil || found != (session{}) {
			t.Fatalf("the cookies %q are %+v, %v", cookies, found, err)
		}
		r.Header["Authorization"] = []string{authorization}
		if found, err = s.of(r, secure); found != (session{}) || (err != nil) != isBearer(authorization) || err != nil && asProblem(err).Code != "invalid_token" {
			t.Fatalf("the authorization %q is %+v, %v", authorization, found, err)
		}
		who := chat.Person{ID: newPersonID()}
		if who.Nickname, err = chat.ParseNickname(nickname); err != nil {
			who.Nickname = ""
		}
		signed, err := s.sign(t.Context(), who, store.NewToken())
		if err != nil {
			t.Fatal(err)
		}
		ours := s.cookie(r, secure, signed)
		if !cookieForm.MatchString(ours.Name) || strings.HasPrefix(ours.Name, "__Host-") != secure || ours.Valid() != nil {
			t.Fatalf("at %q the cookie is %s", host, ours)
		}
		delete(r.Header, "Authorization")
		r.Header["Cookie"] = []string{ours.Name + "=" + ours.Value + "; " + cookies}
		if found, err = s.of(r, secure); err != nil || found.Person != who {
			t.Fatalf("%+v came back as %+v, %v", who, found, err)
		}
		keepsNickname(t, engine, r, who.Nickname, cookies)
	})
}

func isBearer(authorization string) bool {
	scheme, _, _ := strings.Cut(authorization, " ")
	return strings.EqualFold(scheme, "Bearer")
}

// keepsNickname holds what the page's form is filled with to what was kept, and
// what is no nickname of ours to what may stand in a page.
func keepsNickname(t *testing.T, engine *gin.Engine, r *http.Request, nickname chat.Nickname, cookies string) {
	t.Helper()
	w := httptest.NewRecorder()
	c := gin.CreateTestContextOnly(w, engine)
	c.Request = r
	r.Header["Cookie"] = []string{cookies}
	if name := lastNickname(c); len(name) > chat.MaxNicknameBytes || !utf8.ValidString(name) {
		t.Fatalf("the cookies %q fill in %q", cookies, name)
	}
	remember(c, nicknameCookie, string(nickname))
	cookie, err := http.ParseSetCookie(w.Header().Get("Set-Cookie"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header["Cookie"] = []string{cookie.Name + "=" + cookie.Value}
	if name := lastNickname(c); name != string(nickname) {
		t.Fatalf("%q came back as %q", nickname, name)
	}
}
