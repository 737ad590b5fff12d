package api

import (
	"sync"
	"time"
)

// maxVerified bounds how many tokens are remembered as valid.
const maxVerified = 4096

// verifiedTokens remembers what tokens say that were found valid: to check one
// again on each post was an eighth of what a post costs.
type verifiedTokens struct {
	mu sync.RWMutex
	of map[string]session // by token; guarded by mu
}

// get is what a token says, if it was found valid and has not expired since.
func (v *verifiedTokens) get(token string, now time.Time) (session, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	s, found := v.of[token]
	return s, found && now.Before(s.expires)
}

// put remembers a token that is valid. When there are too many, all are
// forgotten: whoever posts is soon back, and only a check is lost.
func (v *verifiedTokens) put(token string, s session) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.of == nil || len(v.of) >= maxVerified {
		v.of = make(map[string]session)
	}
	v.of[token] = s
}
