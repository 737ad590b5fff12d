package sse

import "slices"

// moved is closed at the next append, or when the tail closes. Take it before
// asking run for more, or the append in between goes unnoticed.
func (t *tail) moved() <-chan struct{} {
	for {
		if wake := t.wake.Load(); wake != nil {
			return *wake
		}
		t.wake.CompareAndSwap(nil, new(make(chan struct{})))
	}
}

// rouse wakes everybody at the cost of one channel, however many they are, and
// of none where nobody waits.
func (t *tail) rouse() {
	if wake := t.wake.Swap(nil); wake != nil {
		close(*wake)
	}
	for _, w := range *t.watchers.Load() {
		w.moved()
	}
}

// watcher is told of each append, and of the tail's end, by the tail's writer,
// which it must not keep waiting.
type watcher interface{ moved() }

// watch has w told from now on.
func (t *tail) watch(w watcher) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watchers.Store(new(append(slices.Clone(*t.watchers.Load()), w)))
}

// unwatch ends what watch began.
func (t *tail) unwatch(w watcher) {
	t.mu.Lock()
	defer t.mu.Unlock()
	others := slices.Clone(*t.watchers.Load())
	t.watchers.Store(new(slices.DeleteFunc(others, func(o watcher) bool { return o == w })))
}

// close says that nothing will be appended any more: the log was replaced.
func (t *tail) close() {
	t.closed.Store(true)
	t.rouse()
}
