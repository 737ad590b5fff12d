package chat

import (
	"errors"
	"strings"
	"testing"
)

func TestParseNonce_TakesWhatClientsMakeAndNothing(t *testing.T) {
	for _, s := range []string{
		"", "a", "-", "_", "0b7e3c52-8f0e-4a53-9d1c-1f6a2f6c6d11", "V1StGXR8_Z5jdHi6B-myT", strings.Repeat("n", 64),
	} {
		if got, err := ParseNonce(s); err != nil || string(got) != s {
			t.Errorf("ParseNonce(%q) = %q, %v", s, got, err)
		}
	}
}

func TestParseNonce_RefusesWhatWouldNotFitAKey(t *testing.T) {
	for _, s := range []string{" ", "a b", "a:b", "a}b", "a\n", "a\x00", "é", "a/b", "a+b=", strings.Repeat("n", 65)} {
		got, err := ParseNonce(s)
		invalid, ok := errors.AsType[*Invalid](err)
		if !ok || invalid.Code != "invalid_nonce" || invalid.Field != "nonce" || got != "" {
			t.Errorf("ParseNonce(%q) = %q, %v; want invalid_nonce", s, got, err)
		}
	}
}
