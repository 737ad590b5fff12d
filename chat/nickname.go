package chat

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

// Limits of a nickname.
const (
	MaxNicknameGraphemes = 32
	MaxNicknameBytes     = 128
	maxMarksPerBase      = 2
)

// Nickname is a name that a person goes by: the Nickname profile of PRECIS
// (RFC 8266), at most [MaxNicknameGraphemes] graphemes and [MaxNicknameBytes]
// bytes, no stacked combining marks, and one script where scripts look alike.
type Nickname string

// ParseNickname makes s a nickname: normalised, spaces folded, presentation
// selectors (U+FE0F) dropped. Codes: "nickname_empty", "nickname_too_long",
// "nickname_characters", "nickname_marks", "nickname_mixed_scripts",
// "invalid_utf8".
func ParseNickname(s string) (Nickname, error) {
	if isPlainName(s) {
		return Nickname(s), nil
	}
	if !utf8.ValidString(s) {
		return "", invalidNickname("invalid_utf8", "a nickname is valid UTF-8")
	}
	// Four times the limit leaves room for what normalising takes away, and
	// keeps the normaliser from ever seeing a long name.
	if len(s) > 4*MaxNicknameBytes {
		return "", nicknameTooLong()
	}
	s = strings.ReplaceAll(s, "\ufe0f", "")
	if strings.TrimFunc(s, isInvisible) == "" {
		return "", invalidNickname("nickname_empty", "a nickname has at least one letter, number or symbol")
	}
	s, err := precis.Nickname.String(s)
	if err != nil || strings.ContainsFunc(s, isForbiddenInName) {
		return "", invalidNickname("nickname_characters", "a nickname has letters, numbers, symbols and single spaces")
	}
	switch {
	case len(s) > MaxNicknameBytes || uniseg.GraphemeClusterCount(s) > MaxNicknameGraphemes:
		return "", nicknameTooLong()
	case !strings.ContainsFunc(s, isNameBase):
		return "", invalidNickname("nickname_empty", "a nickname has at least one letter, number or symbol")
	case stacksMarks(s):
		return "", invalidNickname("nickname_marks",
			fmt.Sprintf("a nickname has at most %d combining marks on a letter, and none at its start", maxMarksPerBase))
	case mixesScripts(s):
		return "", invalidNickname("nickname_mixed_scripts", "a nickname does not mix Latin with Cyrillic or Greek letters")
	}
	return Nickname(s), nil
}

// Key is what two nicknames have in common when they may not both be held:
// case, width and compatibility forms are folded (RFC 8266, section 2.3).
func (n Nickname) Key() string {
	if isPlainName(string(n)) {
		return strings.ToLower(string(n))
	}
	key, err := precis.Nickname.CompareKey(string(n))
	if err != nil { // a parsed nickname always has one
		return string(n)
	}
	return key
}

// isPlainName reports a name of which there is nothing to fold but case: most
// are, and each post has one.
func isPlainName(s string) bool {
	return s != "" && len(s) <= MaxNicknameGraphemes && !strings.ContainsFunc(s, func(r rune) bool {
		return !isWord(r) || r == '-' || r == '_'
	})
}

// isForbiddenInName reports U+2800 (a blank that counts as a symbol), and the
// invisible characters that would make two names look the same.
func isForbiddenInName(r rune) bool {
	return r == '\u2800' || isForbiddenControl(r) || r == '\n' || r == '\t' || unicode.Is(unicode.Cf, r) && r != '\u200d'
}

// isInvisible reports characters that a reader cannot see.
func isInvisible(r rune) bool {
	return unicode.IsSpace(r) || r == '\u2800' || r == '\ufe0f' || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Mn, r)
}

func isNameBase(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsSymbol(r)
}

// stacksMarks reports a combining mark at the start, or more than
// maxMarksPerBase on one base. It counts in NFD, where a precomposed letter
// cannot hide one.
func stacksMarks(s string) bool {
	marks := maxMarksPerBase // a leading mark is one too many
	for _, r := range norm.NFD.String(s) {
		if !unicode.Is(unicode.M, r) {
			marks = 0
			continue
		}
		if marks++; marks > maxMarksPerBase {
			return true
		}
	}
	return false
}

// mixesScripts reports Latin letters beside Cyrillic or Greek ones: the pairs
// whose letters look the same.
func mixesScripts(s string) bool {
	latin := strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Latin, r) })
	return latin && strings.ContainsFunc(s, func(r rune) bool {
		return unicode.In(r, unicode.Cyrillic, unicode.Greek)
	})
}

func nicknameTooLong() error {
	return invalidNickname("nickname_too_long",
		fmt.Sprintf("a nickname has at most %d characters and %d bytes", MaxNicknameGraphemes, MaxNicknameBytes))
}

func invalidNickname(code, detail string) error {
	return &Invalid{Field: "nickname", Code: code, Detail: detail}
}
