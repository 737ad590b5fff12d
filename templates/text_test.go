package templates

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

type textCase struct {
	Text    string   `json:"text"`
	Spans   []span   `json:"spans"`
	Hrefs   []string `json:"hrefs"`
	Big     bool     `json:"big"`
	Name    string   `json:"name"`
	Mention bool     `json:"mention"`
}

func TestText_IsCutAsTheScriptCutsIt(t *testing.T) {
	for _, c := range shared[textCase](t, "texts.json") {
		if got := spans(c.Text); !slices.Equal(got, c.Spans) {
			t.Errorf("spans(%q) = %q, want %q", c.Text, got, c.Spans)
		}
		if got := bigEmoji(c.Text); got != c.Big {
			t.Errorf("bigEmoji(%q) = %v", c.Text, got)
		}
		if got := mentions(c.Text, c.Name); got != c.Mention {
			t.Errorf("mentions(%q, %q) = %v", c.Text, c.Name, got)
		}
	}
}

func TestText_LinksLeadWhereTheScriptsLinksLead(t *testing.T) {
	pages, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range shared[textCase](t, "texts.json") {
		var b bytes.Buffer
		for _, s := range c.Spans {
			if err := pages.set.ExecuteTemplate(&b, "span", s); err != nil {
				t.Fatal(err)
			}
		}
		for _, href := range c.Hrefs {
			if want := `<a href="` + strings.ReplaceAll(href, "&", "&amp;") + `" target="_blank" rel="noopener noreferrer nofollow ugc">`; !strings.Contains(b.String(), want) {
				t.Errorf("%q: no %s in %s", c.Text, want, b.String())
			}
		}
	}
}

func TestText_AnythingIsCutWithoutLoss(t *testing.T) {
	for _, text := range []string{"", "`", "``", "```", "````", "`a``b`", "http://", "\x00\n\t", "http://a.example)))]]]", strings.Repeat("`", 8000)} {
		var joined strings.Builder
		for _, s := range spans(text) {
			joined.WriteString(s.Text)
		}
		bare := func(s string) string { return strings.ReplaceAll(s, "`", "") }
		if bare(joined.String()) != bare(text) {
			t.Errorf("spans(%q) joined are %q", text, joined.String())
		}
	}
}
