package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// lab is what all rows of a run share.
type lab struct {
	dir     string // of this run's binaries and data; removed at its end
	binary  string
	browser *chromium // nil in a run without
	log     func(format string, args ...any)
	inside  bool    // the network is this run's own
	scale   float64 // of how long harms last: 1, or less in the short form
}

// lasting is how long a harm that takes d in the long form takes in this one.
func (l *lab) lasting(d time.Duration) time.Duration { return time.Duration(float64(d) * l.scale) }

const room = "faults"

// world is one row's processes, readers and writers.
type world struct {
	*lab
	dir    string
	random *rand.Rand // owned by the row's goroutine

	redis      *redisServer // nil where there are several, or an embedded one
	redises    []*redisServer
	sentinels  *sentinels // nil where there are none
	redisLinks []*link    // from each instance to redis
	instances  []*instance
	readers    []*reader
	ledger     *ledger
	writers    *writers
	padding    atomic.Pointer[string] // what texts end with

	reading     sync.WaitGroup
	stopReading context.CancelFunc

	mu     sync.Mutex
	failed []error // guarded by mu; what readers did not get over
}

func newWorld(l *lab, random *rand.Rand) (*world, error) {
	dir, err := os.MkdirTemp(l.dir, "world-")
	w := &world{lab: l, dir: dir, random: random, ledger: newLedger(), stopReading: func() {}}
	w.padding.Store(new(string))
	return w, err
}

// addRedis starts one Redis.
func (w *world) addRedis(ctx context.Context, options ...string) (*redisServer, error) {
	r, err := newRedis(ctx, w.dir, options...)
	if r != nil {
		w.redises = append(w.redises, r)
	}
	return r, err
}

// oneRedis starts the world's Redis, and n instances that each have a link to it.
func (w *world) oneRedis(ctx context.Context, n int, options []string) (err error) {
	if w.redis, err = w.addRedis(ctx, options...); err != nil {
		return err
	}
	for range n {
		l, err := newLink(ctx, 0, w.redis.address())
		if err != nil {
			return err
		}
		w.redisLinks = append(w.redisLinks, l)
		if err := w.addInstance(ctx, w.binary, "REDIS_URL=redis://"+l.address()); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) addInstance(ctx context.Context, binary string, settings ...string) error {
	i, err := newInstance(ctx, binary, w.dir, settings...)
	if i != nil {
		w.instances = append(w.instances, i)
	}
	return err
}

func (w *world) bases() []string {
	var list []string
	for _, i := range w.instances {
		list = append(list, i.base)
	}
	return list
}

// addReader makes a reader with a way of its own to the instances.
func (w *world) addReader(ctx context.Context, kind string, source func(context.Context, *reader) error) error {
	var targets []string
	for _, i := range w.instances {
		targets = append(targets, strings.TrimPrefix(i.base, "http://"))
	}
	way, err := newLink(ctx, len(w.readers), targets...)
	if err != nil {
		return err
	}
	base := "http://" + way.address()
	w.readers = append(w.readers, &reader{
		name: fmt.Sprintf("%s %d", kind, len(w.readers)), view: newView(room, w.ledger),
		way: way, base: base, loads: base, source: source,
	})
	return nil
}

// addReaders makes so many of each kind that needs no browser, and one of each that does.
func (w *world) addReaders(ctx context.Context, each int) error {
	var errs []error
	for n := range each {
		errs = append(errs,
			w.addReader(ctx, "go", w.readByGo(fmt.Sprintf("reader%d", n))),
			w.addReader(ctx, "curl", readByCurl),
			w.addReader(ctx, "npm", readByNode))
	}
	if w.browser != nil {
		errs = append(errs,
			w.addReader(ctx, "page", w.browser.readByPage),
			w.addReader(ctx, "EventSource", w.browser.readByEventSource))
	}
	return errors.Join(errs...)
}

// readByGo reads with the EventSource of this package, as somebody with a nickname.
func (w *world) readByGo(nickname string) func(context.Context, *reader) error {
	return func(ctx context.Context, r *reader) error {
		header := http.Header{}
		me := &writer{bases: w.bases(), nickname: nickname}
		if err := until(ctx, 10*time.Second, "a nickname", func(ctx context.Context) error {
			if err := me.enter(ctx); me.token == "" {
				return err
			}
			return nil
		}); err != nil {
			return err
		}
		header.Set("Authorization", "Bearer "+me.token)
		return r.read(ctx, eventSource{
			urls: []string{r.eventsURL()}, header: header, watch: 2*heartbeat + time.Second,
			client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		})
	}
}

// startReading has every reader read, and waits until all have been greeted.
func (w *world) startReading(ctx context.Context) error {
	reading, stop := context.WithCancel(ctx)
	w.stopReading = stop
	for _, r := range w.readers {
		w.reading.Go(func() {
			if err := r.run(reading); err != nil {
				w.mu.Lock()
				w.failed = append(w.failed, err)
				w.mu.Unlock()
			}
		})
	}
	return w.everyReader(ctx, time.Minute, "has a stream", func(r *reader) bool { return r.view.isGreeted() })
}

// everyReader waits until something is so of every reader.
func (w *world) everyReader(ctx context.Context, within time.Duration, what string, so func(*reader) bool) error {
	return until(ctx, within, "every reader "+what, func(context.Context) error {
		var not []string
		for _, r := range w.readers {
			if !so(r) {
				not = append(not, r.name)
			}
		}
		if len(not) > 0 {
			return fmt.Errorf("not so of %d: %s; %w", len(not), strings.Join(not[:min(len(not), 10)], ", "), w.failure())
		}
		return nil
	})
}

// failure is what readers did not get over.
func (w *world) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.failed) == 0 {
		return errors.New("and none has failed")
	}
	return errors.Join(w.failed...)
}

// startWriting has n writers post at so many messages a second in all, to all the
// rooms that are read. Every second one is a guest, without a session.
func (w *world) startWriting(ctx context.Context, n int, rate float64) {
	var list []*writer
	rooms := map[string]bool{}
	for _, r := range w.readers {
		rooms[r.view.room] = true
	}
	names := slices.Sorted(maps.Keys(rooms))
	for i := range n {
		me := &writer{
			number: i, room: names[i%len(names)], ledger: w.ledger, bases: w.bases(), turn: i,
			every: time.Duration(float64(n) / rate * float64(time.Second)), nickname: fmt.Sprintf("writer%d", i),
			padding: func() string { return *w.padding.Load() },
		}
		if i%2 == 0 {
			_ = me.enter(ctx) // the first post shows whether it worked
		}
		list = append(list, me)
	}
	w.writers = startWriters(ctx, list)
}

// more waits until so many more messages are accepted.
func (w *world) more(ctx context.Context, messages int) error {
	want := w.ledger.total() + messages
	return until(ctx, patience, fmt.Sprintf("%d more messages", messages), func(context.Context) error {
		if n := w.ledger.total(); n < want {
			return fmt.Errorf("%d are missing", want-n)
		}
		return nil
	})
}

// close ends everything that the world began.
func (w *world) close() {
	w.stopReading()
	w.reading.Wait()
	for _, r := range w.readers {
		if r.way != nil {
			r.way.close()
		}
	}
	for _, i := range w.instances {
		i.kill()
	}
	for _, l := range w.redisLinks {
		l.close()
	}
	w.sentinels.kill()
	for _, r := range w.redises {
		r.kill()
	}
	_ = os.RemoveAll(w.dir)
}
