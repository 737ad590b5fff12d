package main

import (
	"context"
	"strings"
	"time"
)

// dropReaders cuts each reader off again and again, each at times of its own.
func dropReaders(ctx context.Context, w *world) (string, error) {
	type moment struct {
		at, back time.Duration
		way      *link
	}
	var plan []moment
	whole := w.lasting(20 * time.Second)
	for _, r := range w.readers {
		for at := w.some(2 * time.Second); at < whole; {
			back := at + w.some(w.lasting(5*time.Second))
			plan = append(plan, moment{at, back, r.way})
			at = back + w.some(3*time.Second)
		}
	}
	begun := time.Now()
	for time.Since(begun) < whole+w.lasting(5*time.Second) {
		now := time.Since(begun)
		for i := range plan {
			switch m := &plan[i]; {
			case m.at != 0 && now >= m.at:
				m.way.takeDown()
				m.at = 0
			case m.at == 0 && m.back != 0 && now >= m.back:
				m.way.heal()
				m.back = 0
			}
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return "", err
		}
	}
	return "", nil
}

// stallReaders leaves the readers' connections open and silent.
func stallReaders(ctx context.Context, w *world) (string, error) {
	for _, r := range w.readers {
		r.way.stall()
	}
	err := pause(ctx, w.lasting(10*time.Second))
	for _, r := range w.readers {
		r.way.heal()
	}
	return "", err
}

// long is as much as a message holds: 7.6 KB.
var long = " " + strings.Repeat("🦜", 1900)

// starveReaders has every other reader take a byte a second, and the writers write
// more than any buffer on the way holds.
func starveReaders(ctx context.Context, w *world) (string, error) {
	w.padding.Store(&long)
	for i, r := range w.readers {
		if i%2 == 0 {
			r.way.slow(0, 1)
		}
	}
	err := pause(ctx, w.lasting(20*time.Second))
	for _, r := range w.readers {
		r.way.heal()
	}
	w.padding.Store(new(string))
	return "", err
}

// sendAway cuts some of the readers off until they are called back.
func (w *world) sendAway() (callBack func()) {
	away := w.readers[:len(w.readers)/2]
	for _, r := range away {
		r.way.takeDown()
	}
	return func() {
		for _, r := range away {
			r.way.heal()
		}
	}
}
