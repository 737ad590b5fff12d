package chat

import "regexp"

// Nonce is the sender's own name for a message: sending it again with the same
// nonce is the same message. 1 to 64 of A–Z, a–z, 0–9, "-" and "_".
type Nonce string

var nonceForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// ParseNonce checks a nonce; the empty string stays empty, meaning that the
// sender gave none. Another form is an [*Invalid] with code "invalid_nonce".
func ParseNonce(s string) (Nonce, error) {
	if s != "" && !nonceForm.MatchString(s) {
		return "", &Invalid{
			Field: "nonce", Code: "invalid_nonce",
			Detail: "a nonce is 1 to 64 of A–Z, a–z, 0–9, - and _",
		}
	}
	return Nonce(s), nil
}
