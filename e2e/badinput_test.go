//go:build linux

package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// sessionSecret is what the instances of these tests sign with.
const sessionSecret = "a-secret-that-only-these-tests-know"

func TestBadInput_IsAnsweredWithAProblemAndChangesNothing(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	one := startInstance(t, append([]setting{redis.url(), "SESSION_SECRET=" + sessionSecret}, quiet...)...)
	ana := enter(t, one.base, "Ana")
	post := func(name string, status int, code, body string, header ...string) badRequest {
		return badRequest{name, status, code, http.MethodPost, "/messages", body, append(header, ana.bearer())}
	}
	name := func(name string, status int, code, body string) badRequest {
		return badRequest{name, status, code, http.MethodPost, "/nicknames", body, nil}
	}
	for _, bad := range []badRequest{
		post("not JSON", 400, "invalid_json", `{"text":`),
		post("a JSON list", 400, "invalid_json", `["salut"]`),
		post("two JSON values", 400, "invalid_json", `{"text":"a"}{"text":"b"}`),
		post("a wrong type", 400, "wrong_type", `{"text":7}`),
		post("an unknown field", 400, "unknown_field", `{"text":"salut","colour":"red"}`),
		post("a field twice", 400, "duplicate_field", `{"text":"a","text":"b"}`),
		post("no body", 422, "text_empty", ``),
		post("an empty text", 422, "text_empty", `{"text":" \n\t "}`),
		post("an invisible text", 422, "text_empty", `{"text":"\u200b\u2060"}`),
		post("too many characters", 422, "text_too_long", `{"text":"`+strings.Repeat("a", 2001)+`"}`),
		post("too many bytes", 422, "text_too_long", `{"text":"`+strings.Repeat("a", 8193)+`"}`),
		post("a body of 1 MiB", 413, "body_too_large", `{"text":"`+strings.Repeat("a", 1<<20)+`"}`),
		post("invalid UTF-8", 400, "invalid_utf8", "{\"text\":\"\xff\xfe\"}"),
		post("a lone surrogate's bytes", 400, "invalid_utf8", "{\"text\":\"\xed\xa0\x80\"}"),
		post("NUL in the text", 422, "text_control", `{"text":"a\u0000b"}`),
		post("an escape sequence in the text", 422, "text_control", `{"text":"\u001b[2J"}`),
		post("a room with a slash", 422, "invalid_room", `{"text":"a","room":"a/b"}`),
		post("a room with a brace", 422, "invalid_room", `{"text":"a","room":"a}b"}`),
		post("a room in capitals", 422, "invalid_room", `{"text":"a","room":"Lobby"}`),
		post("a nonce with a space", 422, "invalid_nonce", `{"text":"a","nonce":"a b"}`),
		post("a content type that is none", 415, "unsupported_media_type", `{"text":"a"}`, "Content-Type: application/xml"),
		post("another charset", 415, "unsupported_media_type", "text=a", "Content-Type: text/plain; charset=latin1"),
		post("a cross-site POST", 403, "cross_origin", `{"text":"a"}`, "Sec-Fetch-Site: cross-site"),
		post("a POST of another origin", 403, "cross_origin", `{"text":"a"}`, "Origin: http://example.org"),

		name("no nickname", 422, "nickname_empty", `{"nickname":""}`),
		name("a blank nickname", 422, "nickname_empty", `{"nickname":"\u2800\u200b"}`),
		name("a nickname of 33 characters", 422, "nickname_too_long", `{"nickname":"`+strings.Repeat("a", 33)+`"}`),
		name("a newline in the nickname", 422, "nickname_characters", `{"nickname":"ana\ndata: x"}`),
		name("NUL in the nickname", 422, "nickname_characters", `{"nickname":"ana\u0000"}`),
		name("a direction override in the nickname", 422, "nickname_characters", `{"nickname":"\u202eana"}`),
		name("zalgo", 422, "nickname_marks", `{"nickname":"a\u0301\u0302\u0303\u0304"}`),
		name("a homoglyph", 422, "nickname_mixed_scripts", `{"nickname":"\u0410na"}`),
		name("a taken nickname", 409, "nickname_taken", `{"nickname":"Ana"}`),
		name("a taken nickname in other letters", 409, "nickname_taken", `{"nickname":"ＡＮＡ"}`),

		{"the nickname of another", 409, "nickname_taken", "POST", "/messages", `{"nickname":"ana","text":"a"}`, nil},
		{"nobody's message", 422, "nickname_required", "POST", "/messages", `{"text":"a"}`, nil},
		{"a forged token", 401, "invalid_token", "POST", "/messages", `{"text":"a"}`, bearer(token("another secret, just as long as it is", ana, time.Hour))},
		{"an expired token", 401, "invalid_token", "POST", "/messages", `{"text":"a"}`, bearer(token(sessionSecret, ana, -time.Hour))},
		{"a token without a signature", 401, "invalid_token", "POST", "/messages", `{"text":"a"}`, bearer(unsigned(ana))},
		{"a token that is none", 401, "invalid_token", "POST", "/messages", `{"text":"a"}`, bearer("bonjour")},
		{"another scheme is no session", 422, "nickname_required", "POST", "/messages", `{"text":"a"}`, []string{"Authorization: Basic YTpi"}},
		{"a forged token on the stream", 401, "invalid_token", "GET", "/events", "", bearer(token("another secret, just as long as it is", ana, time.Hour))},
		{"a cross-site stream", 403, "cross_origin", "GET", "/events", "", []string{"Sec-Fetch-Site: cross-site", "Origin: http://example.org"}},
		{"a stream of no such room", 422, "invalid_room", "GET", "/events?room=%0Adata:x", "", nil},
		{"a stream with too much history", 400, "invalid_history", "GET", "/events?history=1000000", "", nil},
		{"an id that is none", 400, "invalid_event_id", "GET", "/messages?before=x", "", nil},
		{"both cursors", 400, "conflicting_cursors", "GET", "/messages?before=1-1&after=1-1", "", nil},
		{"a limit of 0", 400, "invalid_limit", "GET", "/messages?limit=0", "", nil},
		{"a wrong method", 405, "method_not_allowed", "DELETE", "/messages", "", nil},
		{"a PUT on the stream", 405, "method_not_allowed", "PUT", "/events", "", nil},
		{"a path that is none", 404, "not_found", "GET", "/message", "", nil},
	} {
		t.Run(bad.name, func(t *testing.T) { bad.check(t, one.base) })
	}
	if log := history(t, one.base, ""); len(log) != 0 {
		t.Errorf("the lobby has %+v, want nothing", log)
	}
	// A token made here as the server makes it passes: the tests above failed for
	// what they say, not for its form.
	mustCall(t, http.StatusCreated, http.MethodPost, one.base+"/messages", `{"text":"a"}`, bearer(token(sessionSecret, ana, time.Hour))...)
}

// badRequest is a request and the problem that must answer it.
type badRequest struct {
	name   string
	status int
	code   string
	method string
	path   string
	body   string
	header []string
}

func (b badRequest) check(t *testing.T, base string) {
	t.Helper()
	a := mustCall(t, b.status, b.method, base+b.path, b.body, b.header...)
	p, err := a.problem()
	if err != nil {
		t.Fatal(err)
	}
	if p.Code != b.code {
		t.Errorf("code %q, want %q: %s", p.Code, b.code, a.body)
	}
	switch b.status {
	case http.StatusMethodNotAllowed:
		if a.header.Get("Allow") == "" {
			t.Error("no Allow header")
		}
	case http.StatusConflict:
		if b.path == "/nicknames" && p.Suggestion == "" {
			t.Errorf("no suggestion: %s", a.body)
		}
	}
}

func TestBadInput_NewlineTricksStayInsideTheirMessage(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	one := startInstance(t, append([]setting{redis.url()}, quiet...)...)
	ana := enter(t, one.base, "ana")
	reader := listen(t, subscription{base: one.base})
	for _, text := range []string{
		"a\n\ndata: {\"text\":\"forged\"}\n\nb",
		"a\nevent: bye\ndata: {}",
		"a\u2028b\u2029c\u0085d",
		"id: 9-9\nretry: 1",
		"</script><!-- \\u0000 \" ' \\",
	} {
		if strings.Contains(text, "\u0085") {
			a := mustCall(t, http.StatusUnprocessableEntity, http.MethodPost, one.base+"/messages", asJSON(post{Text: text}), ana.bearer())
			if p, err := a.problem(); err != nil || p.Code != "text_control" {
				t.Errorf("%q: %s, %v", text, a.body, err)
			}
			continue
		}
		if said := ana.say(t, one.base, "", text); reader.awaitText(5*time.Second, text) != said {
			t.Errorf("%q came otherwise than it was accepted", text)
		}
	}
	// A CR is a line's end to an event stream, so it may not travel.
	ana.say(t, one.base, "", "a\r\n\r\ndata: x\rb")
	reader.awaitText(5*time.Second, "a\n\ndata: x\nb")
	for _, e := range reader.named("bye") {
		t.Errorf("a bye came: %s", e.data)
	}
	if reader.reconnection() == "1" {
		t.Error("a message set the reconnection time")
	}
}

func bearer(token string) []string { return []string{"Authorization: Bearer " + token} }

// token is a session's JWT, signed like the server's.
func token(secret string, v visitor, life time.Duration) string {
	signed := jwtPart(`{"alg":"HS256","typ":"JWT"}`) + "." + claims(v, life)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// unsigned is the token that says of itself that it needs no signature.
func unsigned(v visitor) string {
	return jwtPart(`{"alg":"none","typ":"JWT"}`) + "." + claims(v, time.Hour) + "."
}

func claims(v visitor, life time.Duration) string {
	return jwtPart(fmt.Sprintf(`{"sub":%q,"name":%q,"exp":%d}`, v.ID, v.Nickname, time.Now().Add(life).Unix()))
}

func jwtPart(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
