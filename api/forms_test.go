package api

import (
	"net/http"
	"strings"
	"testing"
)

// browse is what a browser sends whose script does not run.
func (s *server) browse(method, path, cookie, body string) answer {
	s.t.Helper()
	header := map[string]string{
		"Accept":       "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
		"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin",
	}
	if cookie != "" {
		header["Cookie"] = cookie
	}
	return s.do(request{method: method, path: path, body: body, header: header})
}

// cookies are those that an answer sets, as a browser sends them back.
func (a answer) cookies() string {
	var all []string
	for _, c := range a.header.Values("Set-Cookie") {
		pair, _, _ := strings.Cut(c, ";")
		all = append(all, pair)
	}
	return strings.Join(all, "; ")
}

func TestForms_ComeBackToTheRoom(t *testing.T) {
	s := newServer(t)
	entered := s.browse(http.MethodPost, "/nicknames", "", "nickname=ana&room=go").expect(t, http.StatusSeeOther)
	if where := entered.header.Get("Location"); where != "/rooms/go" || entered.cookies() == "" {
		t.Errorf("to %q with %q", where, entered.cookies())
	}
	said := s.browse(http.MethodPost, "/messages", entered.cookies(), "text=salut&room=lobby").expect(t, http.StatusSeeOther)
	if where := said.header.Get("Location"); where != "/" {
		t.Errorf("to %q", where)
	}
	if page := s.get("/").expect(t, http.StatusOK); !strings.Contains(page.body, ">salut</div>") {
		t.Error("the page lacks the message")
	}
}

func TestForms_ComeBackWithTheProblemAndWhatWasWritten(t *testing.T) {
	s := newServer(t)
	s.join("Alice")
	for _, c := range []struct {
		path, body string
		status     int
		holds      []string
	}{
		{"/nicknames", "nickname=Alice&room=go", http.StatusConflict, []string{"This nickname is taken.", `value="Alice"`, `value="Alice2"`, `<h1 class="room" aria-label="Room go"`}},
		{"/nicknames", "nickname=%E2%80%AE", http.StatusUnprocessableEntity, []string{`aria-invalid="true"`}},
		{"/messages", "text=kept&room=go", http.StatusUnprocessableEntity, []string{"Choose a nickname first.", ">kept</textarea>"}},
		{"/messages", "text=%01&room=Bad%20room", http.StatusUnprocessableEntity, []string{`class="error"`}},
		{"/messages", "nonsense=1", http.StatusBadRequest, []string{"there is no field"}},
	} {
		a := s.browse(http.MethodPost, c.path, "", c.body)
		if a.status != c.status || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s %s: %d %s", c.path, c.body, a.status, a.header.Get("Content-Type"))
		}
		for _, want := range c.holds {
			if !strings.Contains(a.body, want) {
				t.Errorf("%s %s: the page lacks %q", c.path, c.body, want)
			}
		}
	}
}

func TestForms_RenameAndSayBesideTheFieldWhyNot(t *testing.T) {
	s := newServer(t)
	s.join("Alice")
	entered := s.browse(http.MethodPost, "/nicknames", "", "nickname=ana&room=go").expect(t, http.StatusSeeOther)
	page := s.browse(http.MethodGet, "/rooms/go", entered.cookies(), "").expect(t, http.StatusOK)
	if !strings.Contains(page.body, `<input id="new-nickname" name="nickname" type="text" value="ana"`) {
		t.Error("the page has no form to rename without a script")
	}
	for nickname, c := range map[string]struct {
		status int
		why    string
	}{"Alice": {http.StatusConflict, "This nickname is taken."}, "": {http.StatusUnprocessableEntity, "at least one letter"}} {
		a := s.browse(http.MethodPost, "/nicknames", entered.cookies(), "nickname="+nickname+"&room=go").expect(t, c.status)
		_, form, _ := strings.Cut(a.body, `<form id="nickname-form" class="slip" method="post" action="/nicknames" novalidate>`)
		if form, _, _ = strings.Cut(form, "</form>"); !strings.Contains(form, c.why) {
			t.Errorf("%q: the form shown is %s", nickname, form)
		}
	}
	renamed := s.browse(http.MethodPost, "/nicknames", entered.cookies(), "nickname=anna&room=go").expect(t, http.StatusSeeOther)
	if where := renamed.header.Get("Location"); where != "/rooms/go" {
		t.Errorf("to %q", where)
	}
	if page := s.browse(http.MethodGet, "/rooms/go", renamed.cookies(), ""); !strings.Contains(page.body, `data-nickname="anna"`) {
		t.Error("the name is as it was")
	}
}

func TestForms_OfProgramsAreAnsweredInJSON(t *testing.T) {
	s := newServer(t)
	for _, accept := range []string{"", "*/*", "application/json"} {
		header := map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Accept": accept}
		s.do(request{method: http.MethodPost, path: "/messages", body: "text=salut&nickname=ana", header: header}).expect(t, http.StatusCreated)
		s.do(request{method: http.MethodPost, path: "/messages", body: "text=salut", header: header}).expectProblem(t, http.StatusUnprocessableEntity, "nickname_required")
	}
}

func TestForms_ARoomIsGoneToByItsNameOrTheNameIsSaidToBeWrong(t *testing.T) {
	s := newServer(t)
	for wanted, where := range map[string]string{"go": "/rooms/go", "+Go-2+": "/rooms/go-2", "lobby": "/", "": "/"} {
		if got := s.browse(http.MethodGet, "/rooms?room="+wanted, "", "").expect(t, http.StatusSeeOther).header.Get("Location"); got != where {
			t.Errorf("%q leads to %q", wanted, got)
		}
	}
	for _, path := range []string{"/rooms?room=a%20b%3C", "/rooms/a%20b%3C"} {
		a := s.browse(http.MethodGet, path, "", "").expect(t, http.StatusUnprocessableEntity)
		if !strings.Contains(a.body, "A room’s name is") || !strings.Contains(a.body, `value="a b&lt;"`) {
			t.Errorf("%s: the page does not say what is wrong", path)
		}
	}
	s.get("/rooms/a%20b").expectProblem(t, http.StatusUnprocessableEntity, "invalid_room")
}
