package api

import (
	"sync"

	"causette/chat"
)

const (
	// maxUnread and maxUnreadOfOne bound the answers that are being written, in bytes:
	// all, and those to one address.
	maxUnread, maxUnreadOfOne = 64 << 20, 32 << 20
)

// unread counts the bytes of answers that are being written. Clients read them as slowly
// as the time of an answer lets them, and each is a copy of its own meanwhile.
type unread struct {
	mu  sync.Mutex
	all int            // guarded by mu
	of  map[string]int // guarded by mu, by address, none of them zero
}

func newUnread() *unread { return &unread{of: make(map[string]int)} }

// add counts an answer until written is called; it is [chat.ErrBusy] if too much is unread.
func (u *unread) add(address string, bytes int) (written func(), err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all+bytes > maxUnread || u.of[address]+bytes > maxUnreadOfOne {
		return nil, chat.ErrBusy
	}
	u.all += bytes
	u.of[address] += bytes
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.all -= bytes
		if u.of[address] -= bytes; u.of[address] == 0 {
			delete(u.of, address)
		}
	}, nil
}

func (u *unread) bytes() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.all
}
