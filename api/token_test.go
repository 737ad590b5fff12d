package api

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"causette/chat"
	"causette/store"
)

// token signs claims with a method and a key of the test's choice.
func token(t *testing.T, method jwt.SigningMethod, key any, c claims) string {
	t.Helper()
	signed, err := jwt.NewWithClaims(method, c).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// assembled is a token of any header and content, with an HMAC by key.
func assembled(header, content string, key []byte) string {
	b64 := base64.RawURLEncoding.EncodeToString
	head := b64([]byte(header)) + "." + b64([]byte(content))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(head))
	return head + "." + b64(mac.Sum(nil))
}

func claimsOf(sub, name string, expires time.Time) claims {
	return claims{Name: name, RegisteredClaims: jwt.RegisteredClaims{Subject: sub, ExpiresAt: jwt.NewNumericDate(expires)}}
}

func TestToken_OnesThatAreNotOurs(t *testing.T) {
	later, ours := time.Now().Add(time.Hour), []byte(testSecret)
	ana := claimsOf("p_1", "ana", later)
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	good := token(t, jwt.SigningMethodHS256, ours, ana)
	head, signature := good[:strings.LastIndex(good, ".")], good[strings.LastIndex(good, ".")+1:]
	content := `{"sub":"p_1","name":"ana","exp":4102444800}`
	s := newSessions([]string{testSecret}, nil)
	for name, forged := range map[string]string{
		"expired":                        token(t, jwt.SigningMethodHS256, ours, claimsOf("p_1", "ana", time.Now().Add(-time.Second))),
		"never expires":                  token(t, jwt.SigningMethodHS256, ours, claims{Name: "ana", RegisteredClaims: jwt.RegisteredClaims{Subject: "p_1"}}),
		"expires at a word":              assembled(`{"alg":"HS256"}`, `{"sub":"p_1","exp":"never"}`, ours),
		"expires twice, once in past":    assembled(`{"alg":"HS256"}`, `{"sub":"p_1","exp":4102444800,"exp":1}`, ours),
		"another key":                    token(t, jwt.SigningMethodHS256, []byte("another key of thirty-two characters"), ana),
		"an empty key":                   assembled(`{"alg":"HS256"}`, content, nil),
		"alg none":                       token(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, ana),
		"alg None":                       assembled(`{"alg":"None"}`, content, nil),
		"alg none with our signature":    assembled(`{"alg":"none"}`, content, ours),
		"no alg":                         assembled(`{"typ":"JWT"}`, content, ours),
		"two algs":                       assembled(`{"alg":"HS256","alg":"none"}`, content, ours),
		"alg in small letters":           assembled(`{"alg":"hs256"}`, content, ours),
		"HS512 with our key":             token(t, jwt.SigningMethodHS512, ours, ana),
		"RS256":                          token(t, jwt.SigningMethodRS256, private, ana),
		"RS256 by name, an HMAC":         assembled(`{"alg":"RS256"}`, content, ours),
		"HS256 with an RSA public key":   assembled(`{"alg":"HS256"}`, content, public),
		"PS256":                          token(t, &jwt.SigningMethodRSAPSS{SigningMethodRSA: &jwt.SigningMethodRSA{Name: "PS256", Hash: crypto.SHA256}}, private, ana),
		"ES256":                          token(t, jwt.SigningMethodES256, elliptical, ana),
		"a key of its own":               assembled(`{"alg":"HS256","jwk":{"kty":"oct","k":"YQ"}}`, content, []byte("a")),
		"a key by path":                  assembled(`{"alg":"HS256","kid":"../../dev/null"}`, content, nil),
		"not a person":                   token(t, jwt.SigningMethodHS256, ours, claimsOf("admin", "ana", later)),
		"a guest":                        token(t, jwt.SigningMethodHS256, ours, claimsOf("g_1", "ana", later)),
		"nickname not ours":              token(t, jwt.SigningMethodHS256, ours, claimsOf("p_1", "a\nb", later)),
		"name of another type":           assembled(`{"alg":"HS256"}`, `{"sub":"p_1","name":["ana"],"exp":4102444800}`, ours),
		"another content, our signature": base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(content)) + "." + signature,
		"no signature":                   head + ".",
		"two parts":                      head,
		"four parts":                     good + ".a",
		"huge":                           assembled(`{"alg":"HS256"}`, `{"sub":"p_1","exp":4102444800,"x":"`+strings.Repeat("x", maxToken)+`"}`, ours),
		"empty":                          "",
		"garbage":                        "a.b.c",
		"NUL":                            "\x00.\x00.\x00",
	} {
		if found, err := s.verify(t.Context(), forged); !errors.Is(err, errToken) {
			t.Errorf("%s: got %+v, %v", name, found, err)
		}
	}
	if found, err := s.verify(t.Context(), good); err != nil || found.Person != (chat.Person{ID: "p_1", Nickname: "ana"}) {
		t.Errorf("good token: %+v, %v", found, err)
	}
}

func TestToken_TheLongestNicknameFits(t *testing.T) {
	s := newSessions([]string{testSecret}, nil)
	longest := chat.Nickname(strings.Repeat("\U0001F469", chat.MaxNicknameBytes/4))
	signed, err := s.sign(t.Context(), chat.Person{ID: newPersonID(), Nickname: longest}, store.NewToken())
	if err != nil {
		t.Fatal(err)
	}
	if found, err := s.verify(t.Context(), signed); err != nil || found.Nickname != longest {
		t.Errorf("%d bytes: %+v, %v", len(signed), found, err)
	}
}

func TestToken_TheFirstSecretSignsAndEveryOneVerifies(t *testing.T) {
	older, newer := strings.Repeat("o", 32), strings.Repeat("n", 32)
	ana := chat.Person{ID: "p_1", Nickname: "ana"}
	before, prepared, after, done := newSessions([]string{older}, nil), newSessions([]string{older, newer}, nil),
		newSessions([]string{newer, older}, nil), newSessions([]string{newer}, nil)
	accepted := func(by *sessions, signer *sessions) bool {
		signed, err := signer.sign(t.Context(), ana, store.NewToken())
		if err != nil {
			t.Fatal(err)
		}
		found, err := by.verify(t.Context(), signed)
		return err == nil && found.Person == ana
	}
	for _, step := range []struct {
		name       string
		by, signer *sessions
		want       bool
	}{
		{"prepared takes the old one's", prepared, before, true}, {"the old one takes prepared's", before, prepared, true},
		{"after takes prepared's", after, prepared, true}, {"prepared takes after's", prepared, after, true},
		{"done takes after's", done, after, true}, {"done takes the old one's no more", done, before, false},
		{"the old one does not take after's", before, after, false},
	} {
		if got := accepted(step.by, step.signer); got != step.want {
			t.Errorf("%s: %v", step.name, got)
		}
	}
}
