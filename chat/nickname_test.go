package chat

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/secure/precis"
)

func TestParseNickname_NormalisesWhatPeopleType(t *testing.T) {
	for s, want := range map[string]Nickname{
		"ana":                 "ana",
		"Ana":                 "Ana",
		"  ana  ":             "ana",
		"ana   maría":         "ana maría",
		"ana\u00a0maría":      "ana maría",
		"ana\u3000maría":      "ana maría",
		"Noe\u0308l":          "Noël",
		"ａｎａ":                 "ana", // full width
		"ﬁona":                "fiona",
		"L'été":               "L'été",
		"小明":                  "小明",
		"नेहा":                "नेहा",
		"Ελένη":               "Ελένη",
		"Анна":                "Анна",
		"שרה":                 "שרה",
		"🦊":                   "🦊",
		"❤\ufe0f":             "❤",
		"ana ❤\ufe0f":         "ana ❤",
		"👍🏽":                  "👍🏽",
		"🇫🇷":                  "🇫🇷",
		"क्\u200dष":           "क्\u200dष", // where the script has a joiner, it stays
		"42":                  "42",
		"<b>ana</b>":          "<b>ana</b>",
		"ana:bob/../%00?#[]&": "ana:bob/../%00?#[]&",
		"Việt":                "Việt", // two marks on one letter
	} {
		if got, err := ParseNickname(s); err != nil || got != want {
			t.Errorf("ParseNickname(%q) = %q, %v; want %q", s, got, err, want)
		}
	}
}

func TestParseNickname_RefusesWithACode(t *testing.T) {
	for name, c := range map[string]struct{ nickname, code string }{
		"nothing":                        {"", "nickname_empty"},
		"spaces":                         {" \u00a0\u3000", "nickname_empty"},
		"a blank braille pattern":        {"\u2800", "nickname_empty"},
		"only invisible runes":           {"\u200b\u2060\ufeff\u00ad", "nickname_empty"},
		"only a presentation selector":   {"\ufe0f", "nickname_empty"},
		"only a combining mark":          {"\u0301", "nickname_empty"},
		"only punctuation":               {"...", "nickname_empty"},
		"a blank braille pattern inside": {"ana\u2800", "nickname_characters"},
		"a right-to-left override":       {"ana\u202egpj", "nickname_characters"},
		"a bidi isolate":                 {"\u2066ana\u2069", "nickname_characters"},
		"a zero-width space":             {"an\u200ba", "nickname_characters"},
		"a zero-width joiner":            {"an\u200da", "nickname_characters"},
		"an emoji that needs a joiner":   {"👩\u200d💻", "nickname_characters"}, // RFC 5892 A.2: a joiner follows a virama
		"a zero-width non-joiner":        {"an\u200ca", "nickname_characters"},
		"a soft hyphen":                  {"an\u00ada", "nickname_characters"},
		"a word joiner":                  {"an\u2060a", "nickname_characters"},
		"a byte order mark":              {"\ufeffana", "nickname_characters"},
		"a tag character":                {"ana\U000e0061", "nickname_characters"},
		"a hangul filler":                {"ana\u3164", "nickname_characters"},
		"NUL":                            {"ana\x00", "nickname_characters"},
		"a newline":                      {"ana\nbob", "nickname_characters"},
		"CRLF":                           {"ana\r\ndata: forged", "nickname_characters"},
		"a tab":                          {"ana\tbob", "nickname_characters"},
		"the line separator":             {"ana\u2028bob", "nickname_characters"},
		"a C1 control":                   {"ana\u0085bob", "nickname_characters"},
		"an escape sequence":             {"\x1b[31mana", "nickname_characters"},
		"a private-use rune":             {"ana\ue000", "nickname_characters"},
		"a cut rune":                     {"caf\xc3", "invalid_utf8"},
		"33 letters":                     {strings.Repeat("a", MaxNicknameGraphemes+1), "nickname_too_long"},
		"33 decomposed letters":          {strings.Repeat("e\u0301", MaxNicknameGraphemes+1), "nickname_too_long"},
		"129 bytes":                      {strings.Repeat("🦊", 32) + "a", "nickname_too_long"},
		"letters that grow":              {strings.Repeat("ﷺ", 8), "nickname_too_long"},
		"a mebibyte":                     {strings.Repeat("a", 1<<20), "nickname_too_long"},
		"three marks on a letter":        {"a\u0316\u0317\u0318", "nickname_marks"},
		"a mark behind a composed one":   {"ệ\u0316", "nickname_marks"},
		"zalgo":                          {"a" + strings.Repeat("\u0336\u0321", 8), "nickname_marks"},
		"a leading mark":                 {"\u0301ana", "nickname_marks"},
		"Cyrillic а in Latin":            {"p\u0430ul", "nickname_mixed_scripts"},
		"Greek ο in Latin":               {"b\u03bfb", "nickname_mixed_scripts"},
		"Latin a in Cyrillic":            {"\u0410\u043d\u043da", "nickname_mixed_scripts"},
	} {
		got, err := ParseNickname(c.nickname)
		invalid, ok := errors.AsType[*Invalid](err)
		if !ok || invalid.Code != c.code || invalid.Field != "nickname" {
			t.Errorf("%s: ParseNickname(%.40q) = %q, %v; want %s", name, c.nickname, got, err, c.code)
		}
		if got != "" {
			t.Errorf("%s: a refused nickname is %q, not empty", name, got)
		}
	}
}

func TestParseNickname_LimitsAreInclusive(t *testing.T) {
	for name, s := range map[string]string{
		"32 letters":   strings.Repeat("a", MaxNicknameGraphemes),
		"32 foxes":     strings.Repeat("🦊", MaxNicknameGraphemes), // and exactly 128 bytes
		"two marks":    "x\u0316\u0317",
		"spaces a lot": "a" + strings.Repeat(" ", 400) + "b", // folded before they are counted
	} {
		if _, err := ParseNickname(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNickname_KeyIsOneForNamesThatReadAlike(t *testing.T) {
	for _, same := range [][]string{
		{"Ana", "ana", "ANA", " ana ", "ａｎａ"},
		{"Noël", "noe\u0308l", "NOËL"},
		{"ana maría", "Ana  María"},
		{"❤", "❤\ufe0f"},
		{"ﬁona", "fiona", "FIONA"},
	} {
		first := key(t, same[0])
		for _, s := range same[1:] {
			if got := key(t, s); got != first {
				t.Errorf("%q and %q have keys %q and %q", same[0], s, first, got)
			}
		}
	}
	if key(t, "ana") == key(t, "anna") {
		t.Error("ana and anna have one key")
	}
}

// Plain names are not given to PRECIS, which would leave them alone.
func TestParseNickname_LeavesPlainNamesAsPRECISDoes(t *testing.T) {
	for _, s := range []string{"a", "Ana", "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"} {
		n, err := ParseNickname(s)
		enforced, errPRECIS := precis.Nickname.String(s)
		folded, errKey := precis.Nickname.CompareKey(s)
		if err := errors.Join(err, errPRECIS, errKey); err != nil || string(n) != enforced || n.Key() != folded {
			t.Errorf("%q is %q with key %q, by PRECIS %q with %q, %v", s, n, n.Key(), enforced, folded, err)
		}
	}
}

func key(t *testing.T, s string) string {
	t.Helper()
	n, err := ParseNickname(s)
	if err != nil {
		t.Fatalf("ParseNickname(%q): %v", s, err)
	}
	return n.Key()
}

func FuzzParseNickname(f *testing.F) {
	for _, s := range []string{
		"ana", "ana  maría", "❤\ufe0f", "ﬁona", "ﷺ", "e\u0301", "\u2800", "a\u202eb", "p\u0430ul", "क्\u200dष", "ſ", "İ", "ß", "ΣΑΣ", "\u0345", "1⁄2", "\u1fbc",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseNickname(s)
		if err != nil {
			if invalid, ok := errors.AsType[*Invalid](err); !ok || invalid.Field != "nickname" || invalid.Code == "" || n != "" {
				t.Fatalf("ParseNickname(%q) = %q, %#v", s, n, err)
			}
			return
		}
		if again, err := ParseNickname(string(n)); err != nil || again != n {
			t.Fatalf("%q is parsed to %q, and that to %q, %v", s, n, again, err)
		}
		switch {
		case n == "", len(n) > MaxNicknameBytes, !utf8.ValidString(string(n)),
			uniseg.GraphemeClusterCount(string(n)) > MaxNicknameGraphemes,
			strings.ContainsFunc(string(n), func(r rune) bool { return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control) }),
			strings.TrimSpace(string(n)) != string(n), strings.Contains(string(n), "  "):
			t.Fatalf("ParseNickname(%q) let %q through", s, n)
		}
		if folded, err := precis.Nickname.CompareKey(string(n)); err != nil || n.Key() != folded {
			t.Fatalf("the key of %q is %q, and PRECIS's %q, %v", n, n.Key(), folded, err)
		}
		if n.Key() == "" || len(n.Key()) > 4*MaxNicknameBytes {
			t.Fatalf("the key of %q is %q", n, n.Key())
		}
	})
}
