package api

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"causette/chat"
	"causette/store"
)

const crossSite = "cross-site"

// What a client may get wrong, or do on purpose, and the problem it gets.
func TestBadInput_IsAProblemWithAStableCode(t *testing.T) {
	s := newServer(t)
	token := s.join("ana").Token
	s.join("bob")
	type header = map[string]string
	json := header{"Content-Type": "application/json"}
	post := func(body string) request {
		return request{method: http.MethodPost, path: "/messages", body: body, header: json}
	}
	name := func(body string) request {
		return request{method: http.MethodPost, path: "/nicknames", body: body, header: json}
	}
	for _, test := range []struct {
		name   string
		r      request
		status int
		code   string
	}{
		{"not JSON", post(`{"text":`), 400, "invalid_json"},
		{"a list", post(`["text"]`), 400, "invalid_json"},
		{"two objects", post(`{"text":"a"}{"text":"b"}`), 400, "invalid_json"},
		{"trailing words", post(`{"text":"a"} b`), 400, "invalid_json"},
		{"an empty body", post(``), 400, "invalid_json"},
		{"wrong type", post(`{"text":42}`), 400, "wrong_type"},
		{"null", post(`{"text":null}`), 400, "wrong_type"},
		{"nested", post(`{"text":{"a":"b"}}`), 400, "wrong_type"},
		{"unknown field", post(`{"text":"a","admin":"yes"}`), 400, "unknown_field"},
		{"a field twice", post(`{"text":"a","text":"b"}`), 400, "duplicate_field"},
		{"a field twice, in the query", request{method: "POST", path: "/messages?text=b", body: `{"text":"a"}`, header: json}, 400, "duplicate_field"},
		{"empty text", post(`{"text":""}`), 422, "text_empty"},
		{"blank text", post(`{"text":" \u200b\n "}`), 422, "text_empty"},
		{"no text", post(`{}`), 422, "text_empty"},
		{"too many characters", post(`{"text":"` + strings.Repeat("é", chat.MaxTextGraphemes+1) + `"}`), 422, "text_too_long"},
		{"too many bytes", post(`{"text":"` + strings.Repeat("x", chat.MaxTextBytes+1) + `"}`), 422, "text_too_long"},
		{"1 MiB body", post(`{"text":"` + strings.Repeat("x", 1<<20) + `"}`), 413, "body_too_large"},
		{"invalid UTF-8", post("{\"text\":\"a\xffb\"}"), 400, "invalid_utf8"},
		{"invalid UTF-8 in a form", request{method: "POST", path: "/messages", body: "text=%ff", header: header{"Content-Type": "application/x-www-form-urlencoded"}}, 422, "invalid_utf8"},
		{"NUL in a text", post(`{"text":"a\u0000b"}`), 422, "text_control"},
		{"escape codes in a text", post(`{"text":"\u001b[31mred"}`), 422, "text_control"},
		{"broken form", request{method: "POST", path: "/messages", body: "text=%zz", header: header{"Content-Type": "application/x-www-form-urlencoded"}}, 400, "invalid_form"},
		{"bad nonce", post(`{"text":"a","nonce":"a b"}`), 422, "invalid_nonce"},
		{"bad room", post(`{"text":"a","room":"../etc"}`), 422, "invalid_room"},
		{"capital room", post(`{"text":"a","room":"Lobby"}`), 422, "invalid_room"},
		{"room on the stream", request{method: "GET", path: "/events?room=a%0Ab"}, 422, "invalid_room"},
		{"room of the page", request{method: "GET", path: "/rooms/-x-"}, 422, "invalid_room"},
		{"wrong content type", request{method: "POST", path: "/messages", body: "<text/>", header: header{"Content-Type": "application/xml"}}, 415, "unsupported_media_type"},
		{"wrong charset", request{method: "POST", path: "/messages", body: `{}`, header: header{"Content-Type": "application/json; charset=latin1"}}, 415, "unsupported_media_type"},
		{"garbled content type", request{method: "POST", path: "/messages", body: `{}`, header: header{"Content-Type": ";;"}}, 415, "unsupported_media_type"},
		{"wrong method", request{method: "DELETE", path: "/messages"}, 405, "method_not_allowed"},
		{"posting to the stream", request{method: "POST", path: "/events"}, 405, "method_not_allowed"},
		{"no such path", request{method: "GET", path: "/socket.io/"}, 404, "not_found"},
		{"no nickname yet", post(`{"text":"a"}`), 422, "nickname_required"},
		{"empty nickname", name(`{"nickname":""}`), 422, "nickname_empty"},
		{"nickname of a blank symbol", name(`{"nickname":"\u2800"}`), 422, "nickname_empty"},
		{"newline in a nickname", name(`{"nickname":"ana\nevent: bye"}`), 422, "nickname_characters"},
		{"NUL in a nickname", name(`{"nickname":"a\u0000"}`), 422, "nickname_characters"},
		{"bidi override in a nickname", name(`{"nickname":"\u202eana"}`), 422, "nickname_characters"},
		{"homoglyph nickname", name(`{"nickname":"\u0430na"}`), 422, "nickname_mixed_scripts"},
		{"zalgo nickname", name(`{"nickname":"a\u0300\u0301\u0302"}`), 422, "nickname_marks"},
		{"long nickname", name(`{"nickname":"` + strings.Repeat("a", 33) + `"}`), 422, "nickname_too_long"},
		{"taken nickname", name(`{"nickname":"Ａna"}`), 409, "nickname_taken"},
		{"forged token", request{method: "POST", path: "/messages", body: `{"text":"a"}`, header: header{"Authorization": "Bearer " + token + "x"}}, 401, "invalid_token"},
		{"forged token on the stream", request{method: "GET", path: "/events", header: header{"Authorization": "Bearer a.b.c"}}, 401, "invalid_token"},
		{"another scheme is no session", request{method: "POST", path: "/messages", body: `{"text":"a"}`, header: header{"Authorization": "Basic YTpi"}}, 422, "nickname_required"},
		{"stream of another origin, by a browser that says no more", request{method: "GET", path: "/events", header: header{"Origin": "http://evil.example"}}, 403, "cross_origin"},
		{"cross-site post", request{method: "POST", path: "/messages", body: "text=a", header: header{"Sec-Fetch-Site": crossSite, "Content-Type": "text/plain"}}, 403, "cross_origin"},
		{"post of another origin", request{method: "POST", path: "/messages", body: "text=a", header: header{"Origin": "https://evil.example"}}, 403, "cross_origin"},
		{"cross-site stream", request{method: "GET", path: "/events", header: header{"Sec-Fetch-Site": crossSite, "Origin": "https://evil.example"}}, 403, "cross_origin"},
		{"limit that is none", request{method: "GET", path: "/messages?limit=all"}, 400, "invalid_limit"},
		{"limit too high", request{method: "GET", path: "/rooms?limit=100000"}, 400, "invalid_limit"},
		{"history too long", request{method: "GET", path: "/events?history=-1"}, 400, "invalid_history"},
		{"cursor that is none", request{method: "GET", path: "/messages?before=yesterday"}, 400, "invalid_event_id"},
		{"endless URL", request{method: "GET", path: "/messages?room=" + strings.Repeat("a", maxURL)}, 414, "uri_too_long"},
		{"two cursors", request{method: "GET", path: "/messages?before=1-1&after=1-0"}, 400, "conflicting_cursors"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := *s
			s.t = t
			s.do(test.r).expectProblem(t, test.status, test.code)
		})
	}
	if h := decode[history](t, s.get("/messages")); len(h.Messages) != 0 {
		t.Errorf("%d messages came through", len(h.Messages))
	}
}

func TestBadInput_NamesTheFieldAtFault(t *testing.T) {
	s := newServer(t)
	if p := s.post("/messages", "", `{"text":"a","admin":"1"}`).expectProblem(t, 400, "unknown_field"); p.Field != "admin" {
		t.Errorf("field %q", p.Field)
	}
	if p := s.post("/messages", "", `{"text":1}`).expectProblem(t, 400, "wrong_type"); p.Field != "text" {
		t.Errorf("field %q", p.Field)
	}
}

func TestBody_OneThatTakesTooLongIsSaid(t *testing.T) {
	for cause, want := range map[error]string{os.ErrDeadlineExceeded: "body_timeout", io.ErrUnexpectedEOF: "incomplete_body"} {
		for _, length := range []int64{-1, 20} { // unknown, and announced
			body := io.NopCloser(iotest.ErrReader(fmt.Errorf("read: %w", cause)))
			_, err := readBody(&http.Request{Body: body, ContentLength: length})
			if p := asProblem(err); p.Code != want {
				t.Errorf("%v of %d bytes is %q", cause, length, p.Code)
			}
		}
	}
}

func TestMethodNotAllowed_SaysWhichAre(t *testing.T) {
	s := newServer(t)
	if allow := s.do(request{method: http.MethodDelete, path: "/messages"}).header.Get("Allow"); !strings.Contains(allow, "GET") || !strings.Contains(allow, "POST") {
		t.Errorf("Allow: %q", allow)
	}
}

func TestNewlines_InATextStayInsideTheirEvent(t *testing.T) {
	s := newServer(t)
	token := s.join("ana").Token
	a := s.post("/messages", token, `{"text":"one\r\n\r\nevent: bye\rdata: x"}`).expect(t, http.StatusCreated)
	if m := decode[chat.Message](t, a); m.Text != "one\n\nevent: bye\ndata: x" {
		t.Errorf("text %q", m.Text)
	}
}

func TestHeaders_StandOnEveryAnswer(t *testing.T) {
	s := newServer(t)
	for _, path := range []string{"/", "/messages", "/healthz", "/nothing", "/assets/nothing"} {
		h := s.get(path).header
		if h.Get("Content-Security-Policy") != contentSecurityPolicy || h.Get("X-Content-Type-Options") != "nosniff" ||
			h.Get("Referrer-Policy") != "same-origin" || h.Get(headerRequestID) == "" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

func TestRequestID_IsATrustedProxysIfItIsSane(t *testing.T) {
	s := newServer(t)
	for sent, kept := range map[string]bool{"abc-12345": true, "x": false, "a b\tcdefgh": false, strings.Repeat("a", 65): false} {
		got := s.do(request{method: "GET", path: "/healthz", header: map[string]string{headerRequestID: sent}}).header.Get(headerRequestID)
		if (got == sent) != kept || got == "" {
			t.Errorf("sent %q, got %q", sent, got)
		}
	}
}

func TestRequestID_IsNoStrangersToSay(t *testing.T) {
	s := newServer(t, func(o *Options, _ *store.Options) { o.TrustedProxies = nil })
	got := s.do(request{method: "GET", path: "/healthz", header: map[string]string{headerRequestID: "abc-12345"}}).header.Get(headerRequestID)
	if got == "" || got == "abc-12345" {
		t.Errorf("got %q", got)
	}
}
