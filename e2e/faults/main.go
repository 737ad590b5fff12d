package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"causette/bench/proc"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if ordered, err := obeyOrder(ctx, os.Stdout); ordered {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	ok, err := command(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// command does what the flags say. It reports whether every promise was kept.
func command(ctx context.Context) (kept bool, err error) {
	seed := flag.Uint64("seed", rand.Uint64(), "repeats the random choices of an earlier run")
	only := flag.String("only", "", "the `rows` to do, separated by commas; all if empty")
	each := flag.Int("readers", 3, "how many readers of each kind")
	built := flag.String(inside, "", "the server's `binary`; for this program's use, in a network of its own")
	soak := flag.Duration("soak", 0, "live under random faults for so long, and measure what grows")
	herd := flag.Int("herd", 0, "drop so `many` readers at once, and measure how soon they are back")
	siege := flag.Bool("siege", false, "attack instances from one address, and measure what the others notice; -only names attacks")
	flag.Parse()
	if _, err := proc.RaiseFiles(); err != nil {
		return false, err
	}
	l, err := newLab(ctx, 1, *built)
	if err != nil {
		return false, err
	}
	defer l.close()
	l.log("seed %d", *seed)
	switch {
	case *soak > 0:
		return l.soak(ctx, os.Stdout, *soak, *seed)
	case *herd > 0:
		return l.herd(ctx, os.Stdout, *herd, *seed)
	case *siege:
		list, err := chosenAttacks(*only)
		if err != nil {
			return false, err
		}
		return l.sieges(ctx, os.Stdout, list, *seed)
	}
	if l.browser, err = startChromium(ctx); err != nil {
		return false, err
	}
	rows, err := chosen(*only)
	if err != nil {
		return false, err
	}
	results := l.runRows(ctx, rows, *seed, *each)
	writeTable(os.Stdout, results)
	return !slices.ContainsFunc(results, func(r result) bool { return !r.kept() }), context.Cause(ctx)
}

// newLab builds the server, unless it is built.
func newLab(ctx context.Context, scale float64, built string) (*lab, error) {
	dir, err := os.MkdirTemp("", "causette-faults-")
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	l := &lab{dir: dir, scale: scale, log: func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "%4.0f s  %s\n", time.Since(begun).Seconds(), fmt.Sprintf(format, args...))
	}}
	l.binary, l.inside = built, built != ""
	if l.inside {
		return l, nil
	}
	if l.binary, err = build(ctx, filepath.Join(dir, "causette")); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *lab) close() {
	if l.browser != nil {
		l.browser.close()
	}
	_ = os.RemoveAll(l.dir)
}

// runRows does one row after the other, each with a seed made of the run's and its name.
func (l *lab) runRows(ctx context.Context, rows []harm, seed uint64, each int) []result {
	var results []result
	for _, h := range rows {
		if ctx.Err() != nil {
			break
		}
		l.log("%s", h.what)
		do := l.runRow
		if h.alone && !l.inside {
			do = l.alone
		}
		r := do(ctx, h, rowSeed(seed, h.name), each)
		l.log("%s", r.row())
		if !r.kept() {
			l.log("%s", r.explain())
		}
		results = append(results, r)
	}
	return results
}

// rowSeed makes a row's choices the same whatever other rows are done.
func rowSeed(seed uint64, name string) uint64 {
	for _, c := range name {
		seed = seed*1_099_511_628_211 ^ uint64(c)
	}
	return seed
}

// chosen are the rows that -only names.
func chosen(only string) ([]harm, error) {
	all := harms()
	if only == "" {
		return all, nil
	}
	var rows []harm
	for name := range strings.SplitSeq(only, ",") {
		at := slices.IndexFunc(all, func(h harm) bool { return h.name == name })
		if at < 0 {
			var names []string
			for _, h := range all {
				names = append(names, h.name)
			}
			return nil, fmt.Errorf("-only: no row %q; there are %s", name, strings.Join(names, ", "))
		}
		rows = append(rows, all[at])
	}
	return rows, nil
}
