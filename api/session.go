package api

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"causette/chat"
	"causette/store"
)

// session is who sends a request: a signed JWT (RFC 7519, HS256) that every
// instance can check, kept by browsers in a cookie and by curl as a bearer token.
type session struct {
	chat.Person
	token   store.Token
	expires time.Time
	bearer  bool // it came as a bearer token, not in a cookie
	// replaced says, of the zero session, that the cookie's token was replaced by a
	// newer one a moment ago.
	replaced bool
}

// claims is the token's content. The nickname is a claim, not a right: to speak
// under it, the session must hold it in Redis, and this token must count: its
// generation and its id ("jti") say whether it does.
type claims struct {
	Name       string `json:"name,omitempty"`
	Generation int64  `json:"gen,omitempty"`
	jwt.RegisteredClaims
}

// sessions signs and checks tokens.
type sessions struct {
	// load gets the secret that instances share through Redis; static.
	load func(context.Context) ([]byte, error)
	// clock is time.Now but in tests; static.
	clock func() time.Time

	verified remembered[session] // by token: those found valid, which may have expired or ended since
	guests   remembered[string]  // by what a guest's id is made of: the id

	mu   sync.Mutex
	keys jwt.VerificationKeySet // guarded by mu; empty until loaded
}

// newSessions makes one that signs with the first of the secrets and accepts what
// any of them signed, so that a secret can be replaced without ending a session.
// Without a secret it loads the one that instances share.
func newSessions(secrets []string, load func(context.Context) ([]byte, error)) *sessions {
	s := &sessions{load: load, clock: time.Now}
	for _, secret := range secrets {
		s.keys.Keys = append(s.keys.Keys, []byte(secret))
	}
	return s
}

// verifiers are the keys of which one has signed a token that is ours. It fails
// with [chat.ErrUnavailable] as long as the key is Redis's to give and Redis was
// never reached.
func (s *sessions) verifiers(ctx context.Context) (jwt.VerificationKeySet, error) {
	s.mu.Lock()
	keys := s.keys
	s.mu.Unlock()
	if len(keys.Keys) > 0 {
		return keys, nil
	}
	secret, err := s.load(ctx) // outside the lock: one slow Redis must not queue everybody
	if err != nil {
		return keys, fmt.Errorf("load session secret: %w", err)
	}
	keys.Keys = []jwt.VerificationKey{secret}
	s.mu.Lock()
	s.keys = keys
	s.mu.Unlock()
	return keys, nil
}

// key is the signing key: the first.
func (s *sessions) key(ctx context.Context) ([]byte, error) {
	keys, err := s.verifiers(ctx)
	if err != nil {
		return nil, err
	}
	return keys.Keys[0].([]byte), nil
}

// newPersonID makes the id of a new session: 60 random bits behind "p_".
func newPersonID() string { return "p_" + strings.ToLower(rand.Text()[:12]) }

// sign makes the token of a person, good for chat.SessionLife from now, or until it
// is ended.
func (s *sessions) sign(ctx context.Context, who chat.Person, token store.Token) (string, error) {
	key, err := s.key(ctx)
	if err != nil {
		return "", err
	}
	signed := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		Name: string(who.Nickname), Generation: token.Generation,
		RegisteredClaims: jwt.RegisteredClaims{
			ID:        token.ID,
			Subject:   who.ID,
			ExpiresAt: jwt.NewNumericDate(s.clock().Add(chat.SessionLife)),
		},
	})
	return signed.SignedString(key)
}

// errToken says that a token is forged, expired or not one of ours.
var errToken = errors.New("not a valid token")

// maxToken bounds a token, in bytes: the longest nickname, escaped, fits twice.
const maxToken = 4 << 10

// verify reads a token back; whether it was ended is not looked at. Only HS256 with one of our keys passes, whatever the
// token's own header says (RFC 8725, section 3.1).
func (s *sessions) verify(ctx context.Context, token string) (session, error) {
	if len(token) > maxToken {
		return session{}, errToken
	}
	if known, ok := s.verified.get(token); ok && s.clock().Before(known.expires) {
		return known, nil
	}
	keys, err := s.verifiers(ctx)
	if err != nil {
		return session{}, err
	}
	var c claims
	_, err = jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return keys, nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(), jwt.WithTimeFunc(s.clock))
	if err != nil || !strings.HasPrefix(c.Subject, "p_") {
		return session{}, errToken
	}
	who := chat.Person{ID: c.Subject}
	if c.Name != "" {
		if who.Nickname, err = chat.ParseNickname(c.Name); err != nil {
			return session{}, errToken
		}
	}
	found := session{
		Person: who, token: store.Token{Generation: c.Generation, ID: c.ID}, expires: c.ExpiresAt.Time,
	}
	s.verified.put(token, found)
	return found, nil
}

// of is the session of a request, the zero session if it has none. A bearer
// token wins over a cookie, and is an error if it is not valid: whoever sends
// one means it. A cookie that is not valid, can't be checked now, or that a page of
// another origin made the browser send, counts for none.
func (s *sessions) of(r *http.Request, secure bool) (session, error) {
	// Another scheme is a proxy's business, such as its own password.
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		found, err := s.verify(r.Context(), strings.TrimSpace(token))
		found.bearer = err == nil
		if errors.Is(err, errToken) {
			return session{}, invalidToken("the token is forged, expired or not this server's; POST /nicknames gives a new one")
		}
		return found, err
	}
	cookie, err := r.Cookie(cookieName(r, secure))
	if err != nil || !cookieCounts(r) {
		return session{}, nil
	}
	found, err := s.verify(r.Context(), cookie.Value)
	if err != nil && !errors.Is(err, errToken) {
		return session{}, err
	}
	return found, nil
}

func invalidToken(detail string) *Problem {
	return problem(http.StatusUnauthorized, "invalid_token", detail)
}

// cookieName carries the port that the browser sees, since cookies ignore
// ports: two instances on two ports are two people, tabs of one origin one.
func cookieName(r *http.Request, secure bool) string {
	name := "causette"
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); err == nil {
			name += "-" + strconv.FormatUint(n, 10)
		}
	}
	if secure {
		return "__Host-" + name
	}
	return name
}

// cookie is the cookie that keeps a token in a browser; without a token, the one
// that has the browser delete it.
func (s *sessions) cookie(r *http.Request, secure bool, token string) *http.Cookie {
	life := int(chat.SessionLife.Seconds())
	if token == "" {
		life = -1
	}
	return &http.Cookie{
		Name: cookieName(r, secure), Value: token, Path: "/", MaxAge: life,
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode,
	}
}

// guestID is the stable id of somebody without a session: a keyed hash, so
// that it tells nothing of the address. Parts are joined by NUL, which none contains.
func (s *sessions) guestID(ctx context.Context, parts ...string) (string, error) {
	joined := "guest\x00" + strings.Join(parts, "\x00")
	if id, ok := s.guests.get(joined); ok {
		return id, nil
	}
	key, err := s.key(ctx)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(joined))
	id := "g_" + strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil))[:12])
	s.guests.put(joined, id)
	return id, nil
}
