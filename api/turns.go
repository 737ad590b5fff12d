package api

import (
	"context"
	"slices"
	"sync"
	"time"

	"causette/chat"
)

// turns lets few requests at once do what costs much, and the others wait. Addresses
// take turns, however many requests each has: one that asks without end waits behind
// itself.
type turns struct {
	// Static after construction.
	atOnce     int
	maxWaiting int           // past it, the address that has the most loses its newest
	patience   time.Duration // how long one waits

	mu      sync.Mutex
	taken   int                  // guarded by mu
	waiting map[string][]*waiter // guarded by mu, by address, none of them empty
	order   []string             // guarded by mu: the addresses that wait, the next one first
	count   int                  // guarded by mu: how many wait
}

// waiter is a request that waits. It is told once: nil, or that it is refused.
type waiter struct{ ready chan error }

func newTurns(atOnce, maxWaiting int, patience time.Duration) *turns {
	return &turns{atOnce: atOnce, maxWaiting: maxWaiting, patience: patience, waiting: make(map[string][]*waiter)}
}

// take waits for a turn, which ends with done. Who waits too long, or is one too
// many, gets [chat.ErrBusy].
func (t *turns) take(ctx context.Context, address string) (done func(), err error) {
	w := t.enter(address)
	if w == nil {
		return t.leave, nil
	}
	patience := time.NewTimer(t.patience)
	defer patience.Stop()
	select {
	case err := <-w.ready:
		if err != nil {
			return nil, err
		}
		return t.leave, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-patience.C:
		err = chat.ErrBusy
	}
	if !t.giveUp(address, w) && <-w.ready == nil { // its turn came in this moment
		t.leave()
	}
	return nil, err
}

// enter takes a turn at once, or has one wait for it.
func (t *turns) enter(address string) *waiter {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taken < t.atOnce {
		t.taken++
		return nil
	}
	w := &waiter{ready: make(chan error, 1)}
	if t.waiting[address] == nil {
		t.order = append(t.order, address)
	}
	t.waiting[address] = append(t.waiting[address], w)
	if t.count++; t.count > t.maxWaiting {
		heaviest := address
		for other, all := range t.waiting {
			if len(all) > len(t.waiting[heaviest]) {
				heaviest = other
			}
		}
		last := len(t.waiting[heaviest]) - 1
		t.removeLocked(heaviest, last).ready <- chat.ErrBusy
	}
	return w
}

// leave ends a turn: it is the next address's.
func (t *turns) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count == 0 {
		t.taken--
		return
	}
	address := t.order[0]
	w := t.removeLocked(address, 0)
	if t.waiting[address] != nil { // behind all others
		t.order = append(t.order[1:], address)
	}
	w.ready <- nil
}

// giveUp ends the wait of one. It reports whether it waited still.
func (t *turns) giveUp(address string, w *waiter) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.waiting[address], w)
	if i >= 0 {
		t.removeLocked(address, i)
	}
	return i >= 0
}

func (t *turns) waiters() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}

func (t *turns) removeLocked(address string, i int) *waiter {
	all := t.waiting[address]
	w := all[i]
	t.count--
	if all = slices.Delete(all, i, i+1); len(all) > 0 {
		t.waiting[address] = all
		return w
	}
	delete(t.waiting, address)
	at := slices.Index(t.order, address)
	t.order = slices.Delete(t.order, at, at+1)
	return w
}
