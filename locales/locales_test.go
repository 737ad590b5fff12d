package locales

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestLanguages_HaveTheSameKeysAndNoneIsEmpty(t *testing.T) {
	for _, lang := range Languages() {
		for key := range texts[Fallback] {
			if texts[lang][key] == "" {
				t.Errorf("%s: %s is missing or empty", lang, key)
			}
		}
		for key := range texts[lang] {
			if _, ok := texts[Fallback][key]; !ok {
				t.Errorf("%s: %s is in no other language", lang, key)
			}
		}
	}
}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

func TestLanguages_HaveTheSamePlaceholders(t *testing.T) {
	for key, text := range texts["en"] {
		want, got := placeholder.FindAllString(text, -1), placeholder.FindAllString(texts["fr"][key], -1)
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			t.Errorf("%s: %v in English, %v in French", key, want, got)
		}
	}
}

func TestLanguages_AreTranslated(t *testing.T) {
	same := []string{"page.title", "people.button", "people.title.one", "people.title.other", "menu.theme.auto",
		"menu.notify", "connection.countdown.one"}
	for key, text := range texts["en"] {
		if texts["fr"][key] == text && !slices.Contains(same, key) {
			t.Errorf("%s is the same in both: %q", key, text)
		}
	}
}

// formed are the ends of keys that code puts together: t(`error.${code}`),
// a plural form, a number of people.
var formed = regexp.MustCompile(`^(error|connection|notice|typing)\.|\.(one|other|over|left)$`)

func TestLanguages_HaveEveryTextThatIsUsedAndNoOther(t *testing.T) {
	code := readAll(t, "../templates", ".html") + readAll(t, "../templates", "view.go") + readAll(t, "../assets/js", ".js")
	for _, m := range regexp.MustCompile(`(?:\.T "|texts\.t\("|\.parts\(")([a-z.]+)"`).FindAllStringSubmatch(code, -1) {
		_, plain := texts[Fallback][m[1]]
		_, counted := texts[Fallback][m[1]+".other"]
		if !plain && !counted {
			t.Errorf("%s is used and not there", m[1])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(texts[Fallback])) {
		base := strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other")
		if !strings.Contains(code, `"`+base+`"`) && !formed.MatchString(key) {
			t.Errorf("%s is there and not used", key)
		}
	}
}

func readAll(t *testing.T, dir, suffix string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, suffix) {
			return err
		}
		b, err := os.ReadFile(path)
		all.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestMatch_TakesTheChoiceThenTheCookieThenTheHeader(t *testing.T) {
	for _, c := range []struct{ choice, cookie, accept, want string }{
		{"", "", "", "en"},
		{"fr", "en", "en", "fr"},
		{"", "fr", "en", "fr"},
		{"", "", "fr", "fr"},
		{"", "", "fr-CA,fr;q=0.9,en;q=0.8", "fr"},
		{"", "", "de,fr;q=0.5,en;q=0.3", "fr"},
		{"", "", "en-GB,fr;q=0.5", "en"},
		{"", "", "ja", "en"},
		{"", "", "*", "en"},
		{"xx", "yy", "fr", "fr"},
		{"", "", ";;;q=,", "en"},
		{"", "", strings.Repeat("fr,", 10_000), "en"},
	} {
		if got := Match(c.choice, c.cookie, c.accept); got != c.want {
			t.Errorf("Match(%q, %q, %.40q) = %s, want %s", c.choice, c.cookie, c.accept, got, c.want)
		}
	}
}

func TestText_CountsAsEachLanguageDoes(t *testing.T) {
	for _, c := range []struct {
		lang string
		n    int
		want string
	}{
		{"en", 0, "0 participants"}, {"en", 1, "1 participant"}, {"en", 2, "2 participants"},
		{"fr", 0, "0 participant"}, {"fr", 1, "1 participant"}, {"fr", 2, "2 participants"},
		{"xx", 2, "2 participants"},
	} {
		if got := Text(c.lang, "people.title", "n", c.n); got != c.want {
			t.Errorf("%s, %d: %q, want %q", c.lang, c.n, got, c.want)
		}
	}
}

func TestText_PutsValuesInOnceAndShowsAnUnknownKey(t *testing.T) {
	if got := Text("en", "nickname.joined", "name", "{name}"); got != "You are now {name}." {
		t.Errorf("got %q", got)
	}
	if got := Text("fr", "no.such.key", "n", 3); got != "no.such.key" {
		t.Errorf("got %q", got)
	}
}

func TestJSON_IsTheLanguageAndACopy(t *testing.T) {
	var m map[string]string
	if err := json.Unmarshal(JSON("fr"), &m); err != nil || !maps.Equal(m, texts["fr"]) {
		t.Errorf("%v, %d texts", err, len(m))
	}
	JSON("fr")[0] = 'x'
	if JSON("fr")[0] != '{' {
		t.Error("a caller can change the language")
	}
	if string(JSON("xx")) != string(JSON("en")) {
		t.Error("an unknown language is not the fallback")
	}
}
