package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// parseJSON reads one flat object of strings.
func parseJSON(body []byte, set setter) error {
	members, ok := plainMembers(body)
	if !ok {
		return parseTokens(body, set)
	}
	for _, m := range members {
		if err := set(m.name, m.value); err != nil {
			return err
		}
	}
	return nil
}

// parseTokens is parseJSON for any such object, token by token, so that a name given
// twice or a value of another type can be named.
func parseTokens(body []byte, set setter) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return notJSON()
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return notJSON()
		}
		var value any
		if err := dec.Decode(&value); err != nil {
			return notJSON()
		}
		name := key.(string) // the decoder accepts nothing else in an object
		text, ok := value.(string)
		if !ok {
			return fieldProblem(http.StatusBadRequest, name, "wrong_type", fmt.Sprintf("the field %q is a string", name))
		}
		if err := set(name, text); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return notJSON()
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return notJSON()
	}
	return nil
}

func notJSON() error {
	return problem(http.StatusBadRequest, "invalid_json", `the body is not one JSON object, such as {"text":"salut"}`)
}

// member is one of a JSON object's, whose value is a string.
type member struct{ name, value string }

// plainMembers reads what nearly every body is: one object of strings without
// escapes. It is not ok with anything else, be it JSON or not, which is for parseTokens
// to say: that was a twelfth of what a post cost.
func plainMembers(body []byte) (members []member, ok bool) {
	members = make([]member, 0, 4)
	rest, ok := cutToken(body, '{')
	for ok {
		var m member
		if m.name, rest, ok = cutPlainString(rest); !ok {
			break
		}
		if rest, ok = cutToken(rest, ':'); !ok {
			break
		}
		if m.value, rest, ok = cutPlainString(rest); !ok {
			break
		}
		members = append(members, m)
		if end, ended := cutToken(rest, '}'); ended {
			return members, len(skipSpace(end)) == 0
		}
		rest, ok = cutToken(rest, ',')
	}
	return nil, false
}

// cutPlainString takes a string without escapes off the beginning of b.
func cutPlainString(b []byte) (s string, rest []byte, ok bool) {
	b, ok = cutToken(b, '"')
	if !ok {
		return "", b, false
	}
	for i, c := range b {
		switch {
		case c == '"':
			return string(b[:i]), b[i+1:], true
		case c == '\\' || c < ' ':
			return "", b, false
		}
	}
	return "", b, false
}

// cutToken takes c, and white space before it, off the beginning of b.
func cutToken(b []byte, c byte) (rest []byte, ok bool) {
	b = skipSpace(b)
	if len(b) == 0 || b[0] != c {
		return b, false
	}
	return b[1:], true
}

// skipSpace takes JSON's white space off the beginning of b.
func skipSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	return b
}
