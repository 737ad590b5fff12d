package chat

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

func TestParseText_KeepsWhatWasSaid(t *testing.T) {
	for name, s := range map[string]string{
		"a word":                  "salut",
		"accents":                 "ça a été, Noël",
		"several lines":           "one\n\n  two\n\tthree",
		"an emoji of seven runes": "👨‍👩‍👧‍👦",
		"a flag":                  "🇫🇷",
		"right to left":           "שלום",
		"a bidi override":         "abc\u202edef", // the page isolates it; a text may be about it
		"markup":                  `<script>alert("&")</script>`,
		"the line separator":      "a\u2028b",
		"zero-width joiner":       "a\u200db",
		"the replacement rune":    "\ufffd",
		"the last rune":           "\U0010ffff",
		"decomposed":              "e\u0301",
		"what a log might forge":  "2026-11-22 INFO all is well",
		"a JSON object":           `{"id":"1-2"}`,
	} {
		got, err := ParseText(s)
		if err != nil || string(got) != s {
			t.Errorf("%s: ParseText(%q) = %q, %v", name, s, got, err)
		}
	}
}

func TestParseText_MakesEveryLineEndANewlineAndCutsTheMargins(t *testing.T) {
	for s, want := range map[string]Text{
		"a\r\nb":               "a\nb",
		"a\rb":                 "a\nb",
		"a\r\n\r\nb":           "a\n\nb",
		"a\n\rb":               "a\n\nb",
		"  salut\t":            "salut",
		"\r\n\r\nsalut\r\n":    "salut",
		"\u00a0salut\u3000":    "salut",
		"data: x\r\n\r\nid: 9": "data: x\n\nid: 9",
	} {
		if got, err := ParseText(s); err != nil || got != want {
			t.Errorf("ParseText(%q) = %q, %v; want %q", s, got, err, want)
		}
	}
}

func TestParseText_RefusesWithACode(t *testing.T) {
	for name, c := range map[string]struct{ text, code string }{
		"nothing":                  {"", "text_empty"},
		"white space":              {" \n\t\r\n", "text_empty"},
		"exotic spaces":            {"\u2003\u3000\u00a0", "text_empty"},
		"a blank braille pattern":  {"\u2800", "text_empty"},
		"invisible joiners":        {"\u200b\u200d\u2060\ufeff", "text_empty"},
		"a lone bidi override":     {"\u202e", "text_empty"},
		"a lone combining mark":    {"\u0301", "text_empty"},
		"NUL":                      {"a\x00b", "text_control"},
		"escape":                   {"\x1b[31mred", "text_control"},
		"backspace":                {"a\bb", "text_control"},
		"vertical tab":             {"a\vb", "text_control"},
		"delete":                   {"a\x7fb", "text_control"},
		"a C1 control":             {"a\u0085b", "text_control"},
		"only a control":           {"\x00", "text_control"},
		"a cut rune":               {"caf\xc3", "invalid_utf8"},
		"latin-1":                  {"caf\xe9", "invalid_utf8"},
		"an encoded surrogate":     {"\xed\xa0\x80", "invalid_utf8"},
		"an overlong slash":        {"\xc0\xaf", "invalid_utf8"},
		"2,001 letters":            {strings.Repeat("a", MaxTextGraphemes+1), "text_too_long"},
		"2,001 decomposed letters": {strings.Repeat("e\u0301", MaxTextGraphemes+1), "text_too_long"},
		"a byte more than 8 KiB":   {strings.Repeat("👨‍👩‍👧‍👦", 327) + strings.Repeat("a", 18), "text_too_long"},
		"a mark on 8 KiB of marks": {"a" + strings.Repeat("\u0301", MaxTextBytes/2), "text_too_long"},
		"a mebibyte":               {strings.Repeat("a", 1<<20), "text_too_long"},
	} {
		got, err := ParseText(c.text)
		invalid, ok := errors.AsType[*Invalid](err)
		if !ok || invalid.Code != c.code || invalid.Field != "text" {
			t.Errorf("%s: ParseText = %.40q, %v; want %s", name, got, err, c.code)
		}
		if got != "" {
			t.Errorf("%s: a refused text is %.40q, not empty", name, got)
		}
	}
}

func TestParseText_LimitsAreInclusive(t *testing.T) {
	for name, s := range map[string]string{
		"2,000 letters":            strings.Repeat("a", MaxTextGraphemes),
		"2,000 decomposed letters": strings.Repeat("e\u0301", MaxTextGraphemes),
		"2,000 emoji":              strings.Repeat("😀", MaxTextGraphemes),
		"8 KiB in 345 graphemes":   strings.Repeat("👨‍👩‍👧‍👦", 327) + strings.Repeat("a", 17),
		"8 KiB in one grapheme":    "a" + strings.Repeat("\u0301", MaxTextBytes/2-1) + "a",
	} {
		if len(s) > MaxTextBytes {
			t.Fatalf("%s: the test's own text has %d bytes", name, len(s))
		}
		if got, err := ParseText(s); err != nil || string(got) != s {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// mayRefuse reports whether there is this reason to refuse s.
func mayRefuse(s, code string) bool {
	switch code {
	case "invalid_utf8":
		return !utf8.ValidString(s)
	case "text_too_long":
		return len(s) > MaxTextBytes || uniseg.GraphemeClusterCount(s) > MaxTextGraphemes
	case "text_control":
		return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\t\r\n", r) })
	case "text_empty":
		return !strings.ContainsFunc(s, func(r rune) bool {
			return unicode.IsGraphic(r) && !unicode.In(r, unicode.M, unicode.Z) && r != '\u2800'
		})
	default:
		return false
	}
}

func FuzzParseText(f *testing.F) {
	for _, s := range []string{
		"salut", "a\r\nb", " \t", "\x00", "\xff", "\u202e\u2800", "e\u0301", "👨‍👩‍👧‍👦", "\u0085", "\r", "\n\r\n", "a\u00a0",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, err := ParseText(s)
		if err != nil {
			invalid, ok := errors.AsType[*Invalid](err)
			if !ok || invalid.Field != "text" || text != "" || !mayRefuse(s, invalid.Code) {
				t.Fatalf("ParseText(%q) = %q, %#v", s, text, err)
			}
			return
		}
		if want := strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")); string(text) != want {
			t.Fatalf("%q is parsed to %q, want %q", s, text, want)
		}
		if again, err := ParseText(string(text)); err != nil || again != text {
			t.Fatalf("%q is parsed to %q, and that to %q, %v", s, text, again, err)
		}
		switch {
		case text == "", len(text) > MaxTextBytes, !utf8.ValidString(string(text)),
			uniseg.GraphemeClusterCount(string(text)) > MaxTextGraphemes,
			strings.ContainsFunc(string(text), isForbiddenControl),
			strings.TrimSpace(string(text)) != string(text):
			t.Fatalf("ParseText(%q) let %q through", s, text)
		}
	})
}
