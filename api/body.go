package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxBody bounds a request's body, in bytes: the longest text, escaped, and
	// its companions fit.
	maxBody = 16 << 10
	// maxDiscard is how much of a longer body is still taken in and thrown away,
	// in bytes: who is cut off while sending never reads why.
	maxDiscard = 2 << 20
)

// fields are the named strings of a request. All inputs of this API are strings.
type fields map[string]string

// readFields reads a body of JSON, a form, or plain text (which is the field
// "text"), and takes what the body left out from the query string. Only the
// allowed names may stand in the body, and no name twice.
func readFields(r *http.Request, allowed ...string) (fields, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(body) {
		return nil, problem(http.StatusBadRequest, "invalid_utf8", "the body is not valid UTF-8")
	}
	parse, err := bodyParser(r.Header.Get("Content-Type"), body)
	if err != nil {
		return nil, err
	}
	f := fields{}
	if err := parse(body, fieldSetter(f, allowed)); err != nil {
		return nil, err
	}
	return f, f.takeQuery(r.URL.Query(), allowed)
}

// readBody reads a body of at most maxBody bytes.
func readBody(r *http.Request) (body []byte, err error) {
	if 0 <= r.ContentLength && r.ContentLength <= maxBody {
		body = make([]byte, r.ContentLength)
		_, err = io.ReadFull(r.Body, body)
	} else {
		body, err = io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	}
	if err == nil && len(body) > maxBody {
		_, err = io.CopyN(io.Discard, r.Body, maxDiscard)
		if err == nil || errors.Is(err, io.EOF) {
			return nil, problem(http.StatusRequestEntityTooLarge, "body_too_large", fmt.Sprintf("a body has at most %d bytes", maxBody))
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, problem(http.StatusRequestTimeout, "body_timeout", "the body took too long to come")
	}
	if err != nil {
		return nil, problem(http.StatusBadRequest, "incomplete_body", "the body ended before it was complete")
	}
	return body, nil
}

// setter takes one field of a body; it refuses unknown names and repetitions.
type setter func(name, value string) error

func fieldSetter(f fields, allowed []string) setter {
	return func(name, value string) error {
		if !slices.Contains(allowed, name) {
			return fieldProblem(http.StatusBadRequest, name, "unknown_field",
				fmt.Sprintf("there is no field %q here; known are %s", name, strings.Join(allowed, ", ")))
		}
		if _, twice := f[name]; twice {
			return fieldProblem(http.StatusBadRequest, name, "duplicate_field", fmt.Sprintf("the field %q is given twice", name))
		}
		f[name] = value
		return nil
	}
}

func (f fields) takeQuery(query url.Values, allowed []string) error {
	for _, name := range allowed {
		values := query[name]
		if len(values) == 0 {
			continue
		}
		if _, twice := f[name]; twice || len(values) > 1 {
			return fieldProblem(http.StatusBadRequest, name, "duplicate_field", fmt.Sprintf("the field %q is given twice", name))
		}
		f[name] = values[0]
	}
	return nil
}

// bodyParser chooses by the content type. curl -d labels everything a form, so
// a form that begins with "{" is JSON; without a label, the same letter decides
// between JSON and text.
func bodyParser(contentType string, body []byte) (func([]byte, setter) error, error) {
	looksJSON := bytes.HasPrefix(skipSpace(body), []byte("{"))
	media, ok := mediaType(contentType)
	if !ok {
		return nil, unsupported(contentType)
	}
	switch {
	case media == "application/json", media == "application/x-www-form-urlencoded" && looksJSON, media == "" && looksJSON:
		return parseJSON, nil
	case media == "application/x-www-form-urlencoded":
		return parseForm, nil
	case media == "text/plain", media == "" && len(body) > 0:
		return parseText, nil
	case media == "":
		return func([]byte, setter) error { return nil }, nil
	default:
		return nil, unsupported(contentType)
	}
}

// mediaType is a content type without its parameters; "" for none. It is not ok
// if it is not one, or not in UTF-8.
func mediaType(contentType string) (media string, ok bool) {
	switch contentType {
	case "", "application/json":
		return contentType, true // there is nothing to parse
	}
	media, params, err := mime.ParseMediaType(contentType)
	return media, err == nil && isUTF8(params["charset"])
}

func isUTF8(charset string) bool {
	return charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "us-ascii")
}

func unsupported(contentType string) error {
	return problem(http.StatusUnsupportedMediaType, "unsupported_media_type",
		fmt.Sprintf("a body is application/json, application/x-www-form-urlencoded or text/plain, in UTF-8, not %q", contentType))
}

func parseText(body []byte, set setter) error { return set("text", string(body)) }

func parseForm(body []byte, set setter) error {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return problem(http.StatusBadRequest, "invalid_form", "the body is not a form: name=value pairs joined by &, escaped with %")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) { // so that the same body is always refused alike
		for _, value := range values[name] {
			if err := set(name, value); err != nil {
				return err
			}
		}
	}
	return nil
}
