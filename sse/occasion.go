package sse

import (
	"sync/atomic"
	"time"
)

// seldom is how long what goes on happening stays unsaid after it was said.
const seldom = time.Minute

// occasion says when to say again something that may happen thousands of times a
// second. The zero value is ready, and safe for concurrent use.
type occasion struct{ next atomic.Int64 } // ns of Unix time

// comes reports whether it is time to say it.
func (o *occasion) comes() bool {
	now, next := time.Now(), o.next.Load()
	return now.UnixNano() >= next && o.next.CompareAndSwap(next, now.Add(seldom).UnixNano())
}
