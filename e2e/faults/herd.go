package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"syscall"
	"time"

	"causette/bench/proc"
)

// herdHeartbeat is the instances' HEARTBEAT, as it is unless set: so many readers may
// have to wait for their first message, and are not to take that for silence.
const herdHeartbeat = 15 * time.Second

// herdDeliveries is how many messages a second all readers are shown together: enough
// to see who is back, and little beside the coming back.
const herdDeliveries = 10_000

// herd drops n readers at once, in three ways, and prints how soon they were back
// and what that cost. It reports whether every message reached them.
func (l *lab) herd(ctx context.Context, out io.Writer, n int, seed uint64) (kept bool, err error) {
	w, err := newWorld(l, rand.New(rand.NewPCG(seed, 0)))
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer w.close()
	defer func() {
		cancel()
		if w.writers != nil {
			w.writers.wg.Wait()
		}
	}()
	if err := w.oneRedis(ctx, 0, keepsAll); err != nil {
		return false, err
	}
	most := strconv.Itoa(n + 1000)
	for range 2 {
		if err := w.addInstance(ctx, w.binary, "REDIS_URL=redis://"+w.redis.address(), "HEARTBEAT="+herdHeartbeat.String(), "MAX_STREAMS="+most, "MAX_STREAMS_PER_IP="+most); err != nil {
			return false, err
		}
	}
	all := w.addCrowd(n, 1, herdHeartbeat, func(int) []string { return w.bases() })
	if err := w.startReading(ctx); err != nil {
		return false, err
	}
	w.startWriting(ctx, 1, min(rowRate, max(1, herdDeliveries/float64(n))))
	if err := w.more(ctx, 3); err != nil {
		return false, err
	}
	fmt.Fprint(out, herdHead)
	for _, fall := range []struct {
		what string
		to   int // the instance that they come back to
		do   func() error
	}{
		{"their instance killed (`kill -9`), the other takes them", 1, func() error { w.instances[0].kill(); return nil }},
		{"their instance stopped (SIGTERM), the other takes them", 0, func() error { w.instances[1].process.Signal(syscall.SIGTERM); return nil }},
		{"every connection reset, the same instance takes them", 0, func() error { all.cut(1, w.random); return nil }},
	} {
		line, err := w.fall(ctx, fall.to, fall.do)
		fmt.Fprintf(out, "| %s | %d | %s |\n", fall.what, n, line)
		if err != nil {
			return false, err
		}
		for _, i := range w.instances {
			select {
			case <-i.process.Over():
				if err := i.start(ctx); err != nil {
					return false, err
				}
			default:
			}
		}
		if err := w.more(ctx, 3); err != nil {
			return false, err
		}
	}
	return w.finish(ctx, out)
}

const herdHead = `| dropped at once | readers | half are back after | 95 % | all | CPU of the instance, peak | of Redis, peak |
|---|--:|--:|--:|--:|--:|--:|
`

// fall drops the readers and waits until all are back.
func (w *world) fall(ctx context.Context, to int, drop func() error) (string, error) {
	instance, redis := watchCPU(w.instances[to].process.PID()), watchCPU(w.redis.process.PID())
	defer instance.stop()
	defer redis.stop()
	begun := time.Now()
	if err := drop(); err != nil {
		return "", err
	}
	err := w.everyReader(ctx, 2*time.Minute, "is back", func(r *reader) bool { return r.view.greetedAt().After(begun) })
	var after []time.Duration
	for _, r := range w.readers {
		if at := r.view.greetedAt(); at.After(begun) {
			after = append(after, at.Sub(begun))
		}
	}
	if len(after) == 0 {
		return "nobody came back", errors.Join(err, errors.New("nobody came back"))
	}
	slices.Sort(after)
	at := func(share float64) float64 { return after[int(share*float64(len(after)-1))].Seconds() }
	return fmt.Sprintf("%.1f s | %.1f s | %.1f s | %.0f %% of a core | %.0f %%", at(0.5), at(0.95), at(1), instance.stop(), redis.stop()), err
}

// finish stops the writers, waits until every reader has everything, and prints
// what they were shown.
func (w *world) finish(ctx context.Context, out io.Writer) (kept bool, err error) {
	if err := w.writers.stop(); err != nil {
		return false, err
	}
	ends, err := w.writers.last(ctx)
	if err != nil {
		return false, err
	}
	err = w.everyReader(ctx, back, "has the last messages", func(r *reader) bool { return hasAll(r, ends) })
	w.stopReading()
	w.reading.Wait()
	r := result{harm: harm{what: "all of it"}, err: err}
	r.look(ctx, w)
	fmt.Fprintln(out)
	writeTable(out, []result{r})
	if !r.kept() {
		w.log("%s", r.explain())
	}
	return r.kept(), nil
}

// hasAll reports whether a reader was shown those messages that are of its room.
func hasAll(r *reader, ends []post) bool {
	r.view.ledger.mu.Lock()
	rooms := make([]string, len(ends))
	for i, p := range ends {
		rooms[i] = r.view.ledger.rooms[p.writer]
	}
	r.view.ledger.mu.Unlock()
	for i, p := range ends {
		if rooms[i] == r.view.room && !r.view.has(p) {
			return false
		}
	}
	return true
}

// cpuWatch measures how much of a core a process takes at most, over a quarter of a second.
type cpuWatch struct {
	enough, ended chan struct{} // enough is closed by stop, ended by the goroutine
	peak          float64       // owned by the goroutine until ended; percent
}

func watchCPU(pid int) *cpuWatch {
	c := &cpuWatch{enough: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(c.ended)
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		last, _ := proc.CPU([]int{pid})
		at := time.Now()
		for {
			select {
			case <-c.enough:
				return
			case <-tick.C:
			}
			used, err := proc.CPU([]int{pid})
			if err != nil {
				continue // it is being started again
			}
			now := time.Now()
			if now.Sub(at) < 200*time.Millisecond {
				continue // the look before came late, and what it saw is too coarse for a part of its time
			}
			c.peak = max(c.peak, 100*float64(used-last)/float64(now.Sub(at)))
			last, at = used, now
		}
	}()
	return c
}

// stop ends the watch, and returns the peak in percent of a core. It may be called twice.
func (c *cpuWatch) stop() float64 {
	select {
	case <-c.ended:
	default:
		close(c.enough)
		<-c.ended
	}
	return c.peak
}
