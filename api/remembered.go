package api

import "sync"

// maxRemembered bounds how many results of one kind are remembered.
const maxRemembered = 4096

// remembered keeps what was found out by cryptography, and always comes out alike: to
// check a token again on each post was an eighth of what a post cost.
type remembered[V any] struct {
	mu sync.RWMutex
	of map[string]V // guarded by mu
}

func (r *remembered[V]) get(key string) (V, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	v, found := r.of[key]
	return v, found
}

// put remembers one more. When there are too many, all are forgotten: whoever
// posts is soon back, and only the work is lost.
func (r *remembered[V]) put(key string, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil || len(r.of) >= maxRemembered {
		r.of = make(map[string]V)
	}
	r.of[key] = v
}
