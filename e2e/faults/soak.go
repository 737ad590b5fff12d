package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The load of a soak.
const (
	soakReaders = 2000
	soakRooms   = 20 // so that what is fanned out is 20,000 messages a second, which this program can check
	soakRate    = 200
	soakTail    = "65536" // bytes: so that the tails, which are to grow, have grown when it is warm
)

// soak lives under random faults for so long, and prints what the instance that is
// never killed held after the warm-up, a tenth of the time but at least a minute, and what at the end.
func (l *lab) soak(ctx context.Context, out io.Writer, whole time.Duration, seed uint64) (kept bool, err error) {
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
	for range 2 {
		way, err := newLink(ctx, 0, w.redis.address())
		if err != nil {
			return false, err
		}
		w.redisLinks = append(w.redisLinks, way)
		if err := w.addInstance(ctx, w.binary, "REDIS_URL=redis://"+way.address(), "HISTORY_SIZE=100000", "HISTORY_BYTES=1073741824", "TAIL_SIZE="+soakTail); err != nil {
			return false, err
		}
	}
	// Each reader has an instance where it is at home, and comes back there when it can,
	// so that at both measurements as many are on either.
	all := w.addCrowd(soakReaders, soakRooms, heartbeat, func(i int) []string {
		home := i / soakRooms % 2
		return []string{w.instances[home].base, w.instances[1-home].base}
	})
	if err := w.startReading(ctx); err != nil {
		return false, err
	}
	w.startWriting(ctx, 2*soakRooms, soakRate)
	begun := time.Now()
	if err := w.soakUntil(ctx, begun.Add(max(whole/10, time.Minute)), all); err != nil {
		return false, err
	}
	warm, err := w.weigh(ctx, all)
	if err != nil {
		return false, err
	}
	if err := w.soakUntil(ctx, begun.Add(whole), all); err != nil {
		return false, err
	}
	end, err := w.weigh(ctx, all)
	if err != nil {
		return false, err
	}
	fmt.Fprintf(out, "| %s, %d readers, %d messages/s | after warm-up | at the end | ratio |\n|---|--:|--:|--:|\n", whole, soakReaders, soakRate)
	flat := true
	for i, what := range weighed {
		ratio := end[i] / warm[i]
		flat = flat && ratio <= 1.1
		fmt.Fprintf(out, "| %s | %.0f | %.0f | %.2f |\n", what.name, warm[i]/what.unit, end[i]/what.unit, ratio)
	}
	kept, err = w.finish(ctx, out)
	return kept && flat, err
}

// soakUntil does one fault after another, at random, with pauses between them.
func (w *world) soakUntil(ctx context.Context, end time.Time, all *sockets) error {
	faults := []harm{
		{name: "readers cut off", run: func(context.Context, *world) (string, error) { all.cut(0.2, w.random); return "", nil }},
		{name: "instance killed", run: func(ctx context.Context, w *world) (string, error) {
			w.instances[1].kill()
			return "", w.instances[1].start(ctx)
		}},
		{name: "instance stopped", run: func(ctx context.Context, w *world) (string, error) {
			if err := w.instances[1].terminate(ctx); err != nil {
				return "", err
			}
			return "", w.instances[1].start(ctx)
		}},
		{name: "redis killed", run: restartRedis},
		{name: "redis paused", run: freezeRedis},
		{name: "links cut", run: cutLinks},
		{name: "link stalled", run: stallLink},
		{name: "instance paused", run: freezeInstance},
		{name: "pubsub killed", run: killPubSub},
	}
	for {
		if err := pause(ctx, 2*time.Second+w.some(10*time.Second)); err != nil {
			return err
		}
		if time.Now().After(end) {
			return nil
		}
		f := faults[w.random.IntN(len(faults))]
		w.log("  %s", f.name)
		if _, err := f.run(ctx, w); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
}

// weighed is what an instance holds that must not grow.
var weighed = []struct {
	name, metric string
	unit         float64
}{
	{"resident memory (MiB)", "process_resident_memory_bytes", 1 << 20},
	{"goroutines", "go_goroutines", 1},
	{"open files", "process_open_fds", 1},
}

// weigh has every reader come back to where it is at home, and measures the instance that
// was never killed: the medians of ten looks, a second apart.
func (w *world) weigh(ctx context.Context, all *sockets) ([]float64, error) {
	begun := time.Now()
	all.cut(1, w.random)
	if err := w.everyReader(ctx, time.Minute, "is back", func(r *reader) bool { return r.view.greetedAt().After(begun) }); err != nil {
		return nil, err
	}
	looks := make([][]float64, len(weighed))
	for range 10 {
		if err := pause(ctx, time.Second); err != nil {
			return nil, err
		}
		for i, what := range weighed {
			value, err := w.instances[0].metric(ctx, what.metric)
			if err != nil {
				return nil, err
			}
			looks[i] = append(looks[i], value)
		}
	}
	var medians []float64
	for _, l := range looks {
		medians = append(medians, median(l))
	}
	return medians, nil
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// metric is a sample of /metrics, named as it stands there.
func (i *instance) metric(ctx context.Context, sample string) (float64, error) {
	text, err := get(ctx, i.admin+"/metrics")
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), sample+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("no metric %s", sample)
}
