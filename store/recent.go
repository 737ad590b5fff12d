package store

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/prometheus/client_golang/prometheus"
)

// recent remembers for a moment what was read of Redis, and reads it once for all who
// ask meanwhile. Of the bounds of what is remembered, the first to be reached counts;
// then the least used goes.
type recent[K comparable, V any] struct {
	// Static after construction.
	life     time.Duration // 0: nothing is remembered
	maxBytes int
	size     func(V) int // bytes, about
	reads    prometheus.Counter
	answers  prometheus.Counter

	mu      sync.Mutex
	flights map[K]*flight[V]                 // guarded by mu: the reads under way
	kept    *simplelru.LRU[K, remembered[V]] // guarded by mu
	bytes   int                              // guarded by mu: of what is kept
	sweeper *time.Timer                      // guarded by mu: set while something is kept
}

// flight is a read under way, which many may wait for.
type flight[V any] struct {
	done  chan struct{} // closed when v and err are there
	v     V
	err   error
	stale bool // guarded by recent.mu: something was written since it began
}

type remembered[V any] struct {
	v     V
	until time.Time
}

// newRecent makes one whose metrics call it by name.
func newRecent[K comparable, V any](
	name string, m *metrics, life time.Duration, maxEntries, maxBytes int, size func(V) int,
) *recent[K, V] {
	r := &recent[K, V]{
		life: life, maxBytes: maxBytes, size: size, flights: make(map[K]*flight[V]),
		reads: m.sharedReads.WithLabelValues(name), answers: m.sharedAnswers.WithLabelValues(name),
	}
	kept, err := simplelru.NewLRU(maxEntries, func(_ K, e remembered[V]) { r.bytes -= size(e.v) })
	if err != nil {
		panic(err) // no entries at all
	}
	r.kept = kept
	return r
}

// get is what is remembered of key, or what read reads. The read goes on for the others
// if this caller goes away; it has to end by itself.
func (r *recent[K, V]) get(ctx context.Context, key K, read func(context.Context) (V, error)) (V, error) {
	r.answers.Inc()
	r.mu.Lock()
	if e, ok := r.kept.Get(key); ok && time.Now().Before(e.until) {
		r.mu.Unlock()
		return e.v, nil
	}
	f := r.flights[key]
	if f == nil {
		f = &flight[V]{done: make(chan struct{})}
		r.flights[key] = f
		go r.fly(context.WithoutCancel(ctx), key, f, read)
	}
	r.mu.Unlock()
	select {
	case <-f.done:
		return f.v, f.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

func (r *recent[K, V]) fly(ctx context.Context, key K, f *flight[V], read func(context.Context) (V, error)) {
	r.reads.Inc()
	f.v, f.err = read(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	defer close(f.done)
	if f.stale {
		return // another may be under way under its key
	}
	delete(r.flights, key)
	if f.err == nil && r.life > 0 {
		r.keepLocked(key, f.v)
	}
}

func (r *recent[K, V]) keepLocked(key K, v V) {
	r.kept.Remove(key)
	r.kept.Add(key, remembered[V]{v, time.Now().Add(r.life)})
	r.bytes += r.size(v)
	for r.bytes > r.maxBytes {
		r.kept.RemoveOldest()
	}
	if r.sweeper == nil {
		r.sweeper = time.AfterFunc(r.life, r.sweep)
	}
}

// sweep lets go of what is out of date, so that nothing is kept after the last who asked.
func (r *recent[K, V]) sweep() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for _, key := range r.kept.Keys() {
		if e, _ := r.kept.Peek(key); !now.Before(e.until) {
			r.kept.Remove(key)
		}
	}
	if r.sweeper = nil; r.kept.Len() > 0 {
		r.sweeper = time.AfterFunc(r.life, r.sweep)
	}
}

// forget is for a write: what was read before it is given to nobody who asks after it.
func (r *recent[K, V]) forget(keys ...K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range keys {
		r.kept.Remove(key)
		if f := r.flights[key]; f != nil {
			f.stale = true
			delete(r.flights, key)
		}
	}
}
