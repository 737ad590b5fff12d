package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

var bodyFields = []string{"text", "room", "nonce", "nickname"}

// read is a body as a handler reads it.
func read(t *testing.T, contentType, query string, body []byte) (fields, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/messages", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.URL.RawQuery = query
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return readFields(r, bodyFields...)
}

// FuzzReadFields_AgreesWithPlainReaders holds every body to what a plain reader of
// its format makes of it, and every refusal to its reason.
func FuzzReadFields_AgreesWithPlainReaders(f *testing.F) {
	const form = "application/x-www-form-urlencoded"
	f.Add("application/json", "", []byte(`{"text":"a","room":"go","nonce":"1"}`))
	f.Add("application/json; charset=utf-8", "room=go", []byte(` {"text":"\ud83d\ude00\ud800\u0000"} `))
	f.Add("application/json", "", []byte(`{"text":"a","text":"b"}`))
	f.Add("application/json", "text=b", []byte(`{"text":1,"a":[[{}]]}x`))
	f.Add(form, "", []byte("text=a%20b+c&room=go"))
	f.Add(form, "", []byte("text=%ff&nonce"))
	f.Add(form, "", []byte("text=a&text=b&x=1&y=2&%zz;"))
	f.Add(form, "", []byte(`{"text":"a"}`))
	f.Add("text/plain", "nickname=ana", []byte("salut"))
	f.Add("", "", []byte("\t{"))
	f.Fuzz(func(t *testing.T, contentType, query string, body []byte) {
		got, err := read(t, contentType, query, body)
		if again, errAgain := read(t, contentType, query, body); !maps.Equal(got, again) || !sameProblem(err, errAgain) {
			t.Fatalf("%q is once %v, %v and once %v, %v", body, got, err, again, errAgain)
		}
		plain, isJSON := plainJSON(body)
		if err != nil {
			p := asProblem(err)
			if p.Status < 400 || p.Status > 415 || p.Code == "" || p.Detail == "" || p.Code == "invalid_json" && isJSON {
				t.Fatalf("%q is refused with %+v", body, p)
			}
			return
		}
		var wanted map[string]string
		switch bare := strings.TrimLeft(string(body), " \t\r\n"); {
		case strings.HasPrefix(bare, "{") && !strings.HasPrefix(strings.ToLower(contentType), "text/plain"):
			wanted = plain
		case strings.HasPrefix(strings.ToLower(contentType), form):
			wanted = plainForm(string(body))
		case len(body) > 0 || contentType != "":
			wanted = map[string]string{"text": string(body)}
		}
		for name, value := range got {
			inBody, ok := wanted[name]
			if !slices.Contains(bodyFields, name) || ok && value != inBody || !ok && query == "" {
				t.Fatalf("%q and %q give %s=%q, want %q", body, query, name, value, wanted)
			}
			delete(wanted, name)
		}
		if len(wanted) > 0 {
			t.Fatalf("%q lost %q", body, wanted)
		}
	})
}

func TestReadFields_TheSameFormIsAlwaysRefusedAlike(t *testing.T) {
	for range 20 {
		_, err := read(t, "application/x-www-form-urlencoded", "", []byte("text=a&z=1&y=1&text=b&x=1"))
		if p := asProblem(err); p.Code != "duplicate_field" || p.Field != "text" {
			t.Fatalf("%+v", p)
		}
	}
}

func sameProblem(a, b error) bool {
	p, okA := errors.AsType[*Problem](a)
	q, okB := errors.AsType[*Problem](b)
	return okA == okB && (!okA || *p == *q)
}

// plainJSON reads an object of strings as anybody would. It reports whether body
// is a JSON object at all.
func plainJSON(body []byte) (strings map[string]string, object bool) {
	var members map[string]any
	if !json.Valid(body) || json.Unmarshal(body, &members) != nil || members == nil {
		return nil, false
	}
	strings = map[string]string{}
	for name, value := range members {
		strings[name], _ = value.(string)
	}
	return strings, true
}

// plainForm reads a form as the WHATWG URL standard says, sharing nothing with
// net/url.
func plainForm(body string) map[string]string {
	pairs := map[string]string{}
	for pair := range strings.SplitSeq(body, "&") {
		if name, value, _ := strings.Cut(pair, "="); pair != "" {
			pairs[unescaped(name)] = unescaped(value)
		}
	}
	return pairs
}

func unescaped(s string) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%' && i+2 < len(s):
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				c = byte(n)
				i += 2
			}
		}
		b = append(b, c)
	}
	return string(b)
}

// FuzzReadFields_TakesWhatClientsWrite has one text come as JSON, as a form, as
// plain text and in the query: it is the same text.
func FuzzReadFields_TakesWhatClientsWrite(f *testing.F) {
	f.Add("salut", "ana")
	f.Add("a&b=c%20+d;e", "{")
	f.Add("{\"text\":\"\u2028\\\x00\r\n", "<&>")
	f.Fuzz(func(t *testing.T, text, nickname string) {
		if !utf8.ValidString(text) || !utf8.ValidString(nickname) || len(text)+len(nickname) > maxBody/8 {
			t.Skip()
		}
		object, err := json.Marshal(map[string]string{"text": text, "nickname": nickname})
		if err != nil {
			t.Fatal(err)
		}
		form := url.Values{"text": {text}, "nickname": {nickname}}.Encode()
		named := url.Values{"nickname": {nickname}}.Encode()
		for kind, r := range map[string]struct{ contentType, query, body string }{
			"JSON": {"application/json", "", string(object)}, "JSON as curl sends it": {"application/x-www-form-urlencoded", "", string(object)},
			"JSON of no type": {"", "", string(object)}, "a form": {"application/x-www-form-urlencoded", "", form},
			"plain text": {"text/plain; charset=utf-8", named, text}, "the query": {"", form, ""},
		} {
			got, err := read(t, r.contentType, r.query, []byte(r.body))
			if err != nil || got["text"] != text || got["nickname"] != nickname || len(got) != 2 {
				t.Fatalf("%s, %q and %q: %q, %v", kind, r.query, r.body, got, err)
			}
		}
	})
}
