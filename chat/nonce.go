package chat

import "strings"

// Nonce is the sender's own name for a message: sending it again with the same
// nonce is the same message. 1 to 64 of A–Z, a–z, 0–9, "-" and "_".
type Nonce string

const maxNonce = 64 // bytes

// ParseNonce checks a nonce; the empty string stays empty, meaning that the
// sender gave none. Another form is an [*Invalid] with code "invalid_nonce".
func ParseNonce(s string) (Nonce, error) {
	if len(s) > maxNonce || strings.ContainsFunc(s, func(r rune) bool { return !isWord(r) }) {
		return "", &Invalid{
			Field: "nonce", Code: "invalid_nonce",
			Detail: "a nonce is 1 to 64 of A–Z, a–z, 0–9, - and _",
		}
	}
	return Nonce(s), nil
}

// isWord reports the characters of a nonce, and of a room's name but capitals.
func isWord(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_'
}
