package main

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// killInstances kills each instance and starts it again.
func killInstances(ctx context.Context, w *world) (string, error) {
	for _, i := range w.instances {
		i.kill()
		if err := pause(ctx, w.some(2*time.Second)); err != nil {
			return "", err
		}
		if err := i.start(ctx); err != nil {
			return "", err
		}
		if err := w.settle(ctx); err != nil {
			return "", err
		}
	}
	return "", nil
}

// rollingRestart stops each instance in order and starts it again, and tells how
// soon the readers were back. Nobody may be told of a join or a leave, now or
// when the leases of the stopped ones have run out.
func rollingRestart(ctx context.Context, w *world) (string, error) {
	for _, r := range w.readers {
		r.view.forgetNotices()
	}
	for _, i := range w.instances {
		if err := i.terminate(ctx); err != nil {
			return "", err
		}
		if err := i.start(ctx); err != nil {
			return "", err
		}
		if err := w.settle(ctx); err != nil {
			return "", err
		}
	}
	if err := pause(ctx, 10*time.Second); err != nil { // longer than a lease
		return "", err
	}
	var absences []time.Duration
	notices := 0
	for _, r := range w.readers {
		away, told := r.view.restlessness()
		absences, notices = append(absences, away...), notices+told
	}
	return fmt.Sprintf("%s; %d join and leave notices", within(absences), notices), nil
}

// within tells how soon readers were back.
func within(absences []time.Duration) string {
	if len(absences) == 0 {
		return "nobody was away"
	}
	slices.Sort(absences)
	soon := 0
	for _, a := range absences {
		if a <= 5*time.Second {
			soon++
		}
	}
	return fmt.Sprintf("%.0f %% of %d back within 5 s, median %.1f s, the last after %.1f s",
		100*float64(soon)/float64(len(absences)), len(absences), absences[len(absences)/2].Seconds(), absences[len(absences)-1].Seconds())
}

// freezeInstance pauses an instance, which does not know it when it goes on.
func freezeInstance(ctx context.Context, w *world) (string, error) {
	frozen := w.instances[w.random.IntN(len(w.instances))]
	frozen.process.Signal(syscall.SIGSTOP)
	err := pause(ctx, w.lasting(20*time.Second))
	frozen.process.Signal(syscall.SIGCONT)
	return "", err
}

// settle lets the world go on for a while: every reader has a stream, and messages come.
func (w *world) settle(ctx context.Context) error {
	if err := w.more(ctx, 20); err != nil {
		return err
	}
	return pause(ctx, w.lasting(3*time.Second))
}
