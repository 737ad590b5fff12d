package sse

import (
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// herdSize is how many comings and goings within herdLook make a herd.
	herdSize = 500
	// herdLook is the time between two looks at whether a herd has passed.
	herdLook = 3 * time.Second
)

// aftermath gives back what a herd of streams leaves behind. Each that comes makes
// some 16 KB of garbage, net/http's buffers most of it, in many more spans than
// the readers that stay need. The runtime returns those over minutes, and at the
// next collection, which an instance at rest does not come to for two minutes:
// after a herd of 10,000 they were three times what the readers themselves hold.
// So once comings and goings have ceased, memory is returned, once a herd. It
// costs two collections of what is then a small heap.
//
// Safe for concurrent use. No timer runs while nobody comes or goes.
type aftermath struct {
	free func() // static; returns what can be to the system

	mu      sync.Mutex
	stirs   int // comings and goings since the last look
	passing bool
	timer   *time.Timer // nil before the first stir
	running bool        // the timer does
	over    bool
	looks   sync.WaitGroup // those under way
}

func newAftermath() *aftermath { return &aftermath{free: free} }

// free returns what can be to the system. A pool's things, such as net/http's
// buffers, outlive one collection.
func free() {
	runtime.GC()
	debug.FreeOSMemory()
}

// stir says that a stream has come or gone.
func (h *aftermath) stir() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stirs++
	switch {
	case h.running || h.over:
		return
	case h.timer == nil:
		h.timer = time.AfterFunc(herdLook, h.look)
	default:
		h.timer.Reset(herdLook)
	}
	h.running = true
}

// look sees whether a herd is passing, or has passed.
func (h *aftermath) look() {
	h.mu.Lock()
	if h.over {
		h.mu.Unlock()
		return
	}
	h.looks.Add(1)
	defer h.looks.Done()
	calm := h.stirs < herdSize/10
	passed := h.passing && calm
	h.passing = h.stirs >= herdSize || h.passing && !calm
	h.stirs = 0
	if h.running = h.passing; h.running {
		h.timer.Reset(herdLook)
	}
	h.mu.Unlock()
	if passed {
		h.free()
	}
}

// close ends it, and waits for a look under way.
func (h *aftermath) close() {
	h.mu.Lock()
	h.over = true
	if h.timer != nil {
		h.timer.Stop()
	}
	h.mu.Unlock()
	h.looks.Wait()
}
