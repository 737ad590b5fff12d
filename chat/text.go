package chat

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Limits of a text. The bytes bound what a message costs; the graphemes are
// what a person counts.
const (
	MaxTextGraphemes = 2000
	MaxTextBytes     = 8 << 10
)

// Text is the body of a message: 1 to [MaxTextGraphemes] graphemes and at most
// [MaxTextBytes] bytes of valid UTF-8, with no control character but newline and
// tab, and something other than white space in it.
type Text string

// ParseText checks a text. CR LF and CR become LF, and white space around the
// whole is cut; nothing else is changed. Codes: "text_empty", "text_too_long",
// "invalid_utf8", "text_control".
func ParseText(s string) (Text, error) {
	if !utf8.ValidString(s) {
		return "", invalidText("invalid_utf8", "a text is valid UTF-8")
	}
	// Bytes first, so that nothing slow ever sees a long text.
	if len(s) > MaxTextBytes {
		return "", textTooLong()
	}
	if strings.Contains(s, "\r") {
		s = newlines.Replace(s)
	}
	if i := strings.IndexFunc(s, isForbiddenControl); i >= 0 {
		r, _ := utf8.DecodeRuneInString(s[i:])
		return "", invalidText("text_control", fmt.Sprintf("a text has no control character %U", r))
	}
	s = strings.TrimSpace(s)
	switch {
	case strings.TrimFunc(s, isInvisible) == "":
		return "", invalidText("text_empty", "a text has at least one visible character")
	case len(s) > MaxTextGraphemes && uniseg.GraphemeClusterCount(s) > MaxTextGraphemes: // no grapheme without a byte
		return "", textTooLong()
	}
	return Text(s), nil
}

var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// isForbiddenControl reports C0 controls but newline and tab, DEL and C1.
func isForbiddenControl(r rune) bool {
	return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r <= 0x9f
}

func textTooLong() error {
	return invalidText("text_too_long",
		fmt.Sprintf("a text has at most %d characters and %d bytes", MaxTextGraphemes, MaxTextBytes))
}

func invalidText(code, detail string) error {
	return &Invalid{Field: "text", Code: code, Detail: detail}
}
