package templates

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// span is a run of a message's text. Kind is "text", "code", "pre" or "link".
// For a link, Text is also where it leads.
type span struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// The same expressions are in js/lib/text.js. White space is spelt out, because
// \s is not the same in Go and in JavaScript.
var (
	fence  = regexp.MustCompile("```(?:[A-Za-z0-9+#-]*\n)?([\\s\\S]+?)```\n?")
	inline = regexp.MustCompile("`([^`\n]+)`")
	link   = regexp.MustCompile("(?i)https?://[\\p{L}\\p{N}\\[][^\\x00-\\x20\\x{a0}\\x{2028}\\x{2029}\\x{3000}<>\"`]*")
	emoji  = regexp.MustCompile(`[\x{231a}\x{231b}\x{23e9}-\x{23fa}\x{2600}-\x{27bf}\x{2b00}-\x{2bff}\x{1f000}-\x{1faff}]|^[0-9#*]\x{fe0f}?\x{20e3}$`)
)

// maxBigEmoji is how many emoji alone are shown enlarged.
const maxBigEmoji = 3

// spans cuts a text into what is shown differently: fenced code, code, http(s)
// links, and the rest. There is no other markup. The texts of all spans joined
// are the message, but for the backquotes.
func spans(text string) []span {
	return cut(text, fence, "pre", func(rest string) []span {
		return cut(rest, inline, "code", links)
	})
}

// cut makes a span of each match's first group and gives what lies between the
// matches to between.
func cut(text string, re *regexp.Regexp, kind string, between func(string) []span) []span {
	var out []span
	at := 0
	for _, m := range re.FindAllStringSubmatchIndex(text, -1) {
		if m[0] > at {
			out = append(out, between(text[at:m[0]])...)
		}
		inner := text[m[2]:m[3]]
		if kind == "pre" {
			inner = strings.TrimSuffix(inner, "\n")
		}
		out = append(out, span{kind, inner})
		at = m[1]
	}
	if at < len(text) {
		out = append(out, between(text[at:])...)
	}
	return out
}

func links(text string) []span {
	var out []span
	at := 0
	for _, m := range link.FindAllStringIndex(text, -1) {
		if r, _ := utf8.DecodeLastRuneInString(text[:m[0]]); isWord(r) {
			continue
		}
		url := trimPunctuation(text[m[0]:m[1]])
		if m[0] > at {
			out = append(out, span{"text", text[at:m[0]]})
		}
		out = append(out, span{"link", url})
		at = m[0] + len(url)
	}
	if at < len(text) {
		out = append(out, span{"text", text[at:]})
	}
	return out
}

// trimPunctuation takes off the end of a URL what belongs to the sentence around
// it: punctuation, and a closing bracket that was not opened inside.
func trimPunctuation(url string) string {
	for {
		r, size := utf8.DecodeLastRuneInString(url)
		short := url[:len(url)-size]
		switch {
		case strings.ContainsRune(".,;:!?'*_~…»”’", r):
		case r == ')' && strings.Count(url, ")") > strings.Count(url, "("):
		case r == ']' && strings.Count(url, "]") > strings.Count(url, "["):
		case r == '}' && strings.Count(url, "}") > strings.Count(url, "{"):
		default:
			return url
		}
		url = short
	}
}

// mentions reports whether text has @name, in any case, as a word of its own.
func mentions(text, name string) bool {
	if name == "" {
		return false
	}
	text, name = strings.ToLower(text), "@"+strings.ToLower(name)
	for at := 0; ; {
		i := strings.Index(text[at:], name)
		if i < 0 {
			return false
		}
		before, _ := utf8.DecodeLastRuneInString(text[:at+i])
		after, _ := utf8.DecodeRuneInString(text[at+i+len(name):])
		if !isWord(before) && !isWord(after) {
			return true
		}
		at += i + len(name)
	}
}

func isWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || r == '_')
}

// bigEmoji reports whether text is one to three emoji and nothing else.
func bigEmoji(text string) bool {
	n := 0
	for g := uniseg.NewGraphemes(text); g.Next(); {
		s := g.Str()
		if strings.TrimSpace(s) == "" {
			continue
		}
		if n++; n > maxBigEmoji || !emoji.MatchString(s) {
			return false
		}
	}
	return n > 0
}
