//go:build linux

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"sync"
)

// follower reads a room the way a browser does: when a stream ends it resumes,
// on the next instance in the round.
type follower struct {
	// Static after construction.
	as    visitor
	room  string
	until string // the text that ends the following

	mu      sync.Mutex
	list    []message // guarded by mu
	others  []event   // guarded by mu; everything but messages, hellos and byes
	streams int       // guarded by mu; opened so far
}

// follow reads from bases[first] on, until the message that ends it.
func (f *follower) follow(ctx context.Context, bases []string, first int) error {
	lastID := "0-0"
	for try := first; ctx.Err() == nil; try++ {
		st, err := open(ctx, subscription{base: bases[try%len(bases)], room: f.room, lastID: lastID, as: f.as})
		if err != nil {
			continue // an instance that is not there; the other is
		}
		done, err := f.readStream(st)
		st.close()
		if done || err != nil {
			return err
		}
		lastID = st.lastID
	}
	return fmt.Errorf("follower with %d messages: %w", len(f.list), context.Cause(ctx))
}

// readStream reads one stream to its end. An error is what no stream may do;
// that it ends is none.
func (f *follower) readStream(st *stream) (done bool, err error) {
	if st.response.StatusCode != http.StatusOK {
		return false, fmt.Errorf("the stream was answered %s", st.response.Status)
	}
	f.mu.Lock()
	f.streams++
	f.mu.Unlock()
	for {
		e, err := st.next()
		if err != nil {
			return false, nil
		}
		switch e.name {
		case "hello", "bye":
		case "message":
			m, err := e.message()
			if err != nil {
				return false, err
			}
			f.mu.Lock()
			f.list = append(f.list, m)
			f.mu.Unlock()
			if m.Text == f.until {
				return true, nil
			}
		default:
			f.mu.Lock()
			f.others = append(f.others, e)
			f.mu.Unlock()
		}
	}
}

// count is how many events of a name came since the last forget.
func (f *follower) count(name string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.others {
		if e.name == name {
			n++
		}
	}
	return n
}

// forget drops the events that are no messages.
func (f *follower) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.others = nil
}
