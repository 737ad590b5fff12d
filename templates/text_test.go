package templates

import (
	"bytes"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"causette/chat"
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

var ourTag = regexp.MustCompile(`</?(?:code|pre)>|<a href="[^"<>]*" target="_blank" rel="noopener noreferrer nofollow ugc">|</a>`)

// FuzzText_IsShownAsItWasSaid renders any text: but for the elements that are ours
// there is no markup, and what a browser shows of it is what was said.
func FuzzText_IsShownAsItWasSaid(f *testing.F) {
	for _, s := range []string{
		"salut", "a`b`c", "```go\nx < y\n```\nz", "(https://a.example/x_(y)).", "http://a.example\"onmouseover=\"x", "<script>alert(1)</script>",
		"https://[::1]:4100/#&amp;%zz'é…", "HTTPS://é.example?a=1&b", "javascript:alert(1)//http://b", "````` http://1\u00a0x ```", "&lt;\u2028\t{{.}}",
	} {
		f.Add(s)
	}
	pages, err := New()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, err := chat.ParseText(s)
		if err != nil {
			t.Skip()
		}
		var b bytes.Buffer
		var joined strings.Builder
		for _, span := range spans(string(text)) {
			joined.WriteString(span.Text)
			if err := pages.set.ExecuteTemplate(&b, "span", span); err != nil {
				t.Fatal(err)
			}
			if u, err := url.Parse(span.Text); span.Kind == "link" && err == nil && u.Scheme != "http" && u.Scheme != "https" {
				t.Fatalf("%q has a link to %q", text, span.Text)
			}
		}
		shown := ourTag.ReplaceAllString(b.String(), "")
		if strings.ContainsAny(shown, `<>"`) || html.UnescapeString(shown) != joined.String() {
			t.Fatalf("%q is shown as %q", text, b.String())
		}
		rest := string(text)
		for _, r := range joined.String() { // all of it, in its order
			var found bool
			if _, rest, found = strings.Cut(rest, string(r)); !found {
				t.Fatalf("%q became %q", text, joined.String())
			}
		}
	})
}
