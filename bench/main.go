package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"causette/bench/floor"
	"causette/bench/load"
	"causette/bench/proc"
	"causette/bench/systems"
)

// options is the command line.
type options struct {
	readers []int
	runs    int
	only    []string // systems
	parts   []string // measurements, by their keys; empty for all
	quick   bool
	docs    bool
	far     []int
	rooms   bool
	render  bool
	command string // as it was given
}

func main() {
	log.SetFlags(log.Ltime)
	if is, err := asPart(os.Args[1:]); is {
		if err != nil {
			log.Fatal(err)
		}
		return
	}
	o, err := parseOptions(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		os.Exit(2) // the flag package has said what is wrong
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		log.Fatal(err)
	}
}

// asPart is this program as one of its own parts, until that ends; it reports
// false if it was started by a person.
func asPart(arguments []string) (is bool, err error) {
	switch {
	case len(arguments) == 1 && arguments[0] == load.Argument:
		return true, load.Serve(os.Stdin, os.Stdout)
	case len(arguments) == 2 && arguments[0] == floor.Argument:
		port, err := strconv.Atoi(arguments[1])
		if err == nil {
			err = floor.Serve(port)
		}
		return true, err
	}
	return false, nil
}

func parseOptions(arguments []string) (options, error) {
	o := options{runs: 3, command: strings.Join(append([]string{"go run ./bench"}, arguments...), " ")}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.Func("readers", "numbers of readers, up to 19000 each (default 100,1000,10000)", numbers(&o.readers, load.MaxReaders))
	flags.IntVar(&o.runs, "runs", o.runs, "how often to measure everything; the medians are shown")
	flags.Func("only", "what to measure beside the floor: causette, gin, nchan, socketio, centrifuge (default all)", func(s string) error {
		o.only = strings.Split(s, ",")
		return nil
	})
	flags.Func("parts", "which measurements: a number of -readers, burst, post, pair, named (default all)", func(s string) error {
		o.parts = strings.Split(s, ",")
		return nil
	})
	flags.BoolVar(&o.quick, "quick", false, "one run, short, with up to 1000 readers")
	flags.BoolVar(&o.docs, "docs", false, "write the results into docs/performance.md")
	flags.Func("far", "instead: open so many idle readers, such as 100000,300000,1000000", numbers(&o.far, 2_000_000))
	flags.BoolVar(&o.rooms, "rooms", false, "instead: many rooms, and small rooms beside a large one")
	flags.BoolVar(&o.render, "render", false, "instead: write the results there are into docs/performance.md")
	err := flags.Parse(arguments)
	if err == nil && (flags.NArg() > 0 || o.runs < 1 || o.runs > 100) {
		err = fmt.Errorf("unexpected %q, or -runs not from 1 to 100", flags.Args())
		fmt.Fprintln(os.Stderr, err)
	}
	if o.quick {
		o.runs = 1
	}
	if o.readers == nil {
		o.readers = []int{100, 1000, 10_000}
		if o.quick {
			o.readers = o.readers[:2]
		}
	}
	if unknown := slices.DeleteFunc(slices.Clone(o.parts), o.known); err == nil && len(unknown) > 0 {
		err = fmt.Errorf("-parts: there is no %q", unknown)
		fmt.Fprintln(os.Stderr, err)
	}
	return o, err
}

// known reports whether there is a measurement of that name.
func (o options) known(part string) bool {
	return slices.Contains([]string{"post", "pair", "named"}, part) ||
		slices.ContainsFunc(o.scenes(), func(s Scene) bool { return s.Key == part })
}

// numbers reads a list such as 100,1000.
func numbers(into *[]int, most int) func(string) error {
	return func(s string) error {
		*into = nil
		for word := range strings.SplitSeq(s, ",") {
			n, err := strconv.Atoi(word)
			if err != nil || n < 1 || n > most {
				return fmt.Errorf("%q is not a number from 1 to %d", word, most)
			}
			*into = append(*into, n)
		}
		return nil
	}
}

// run does what the options ask for.
func run(ctx context.Context, o options) error {
	root, err := repository()
	if err != nil {
		return err
	}
	if o.render {
		return render(root)
	}
	b, err := newBench(ctx, o, root)
	if err != nil {
		return err
	}
	defer b.close()
	var result any
	name := "compare"
	switch {
	case len(o.far) > 0:
		name = "far"
		result, err = b.goFar(ctx)
	case o.rooms:
		name = "rooms"
		result, err = b.measureRooms(ctx)
	default:
		result, err = b.compare(ctx)
	}
	if err != nil {
		return err
	}
	return b.publish(name, result)
}

// repository is the directory that go.mod is in: this one or one above.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("not in the repository: no go.mod here or above")
		}
		dir = up
	}
}

// bench is one invocation.
type bench struct {
	options
	shop  *systems.Shop
	files int // that one process may open
}

func newBench(ctx context.Context, o options, root string) (*bench, error) {
	files, err := proc.RaiseFiles()
	if err != nil {
		return nil, err
	}
	caches, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp("", "causette-bench-")
	if err != nil {
		return nil, err
	}
	return &bench{options: o, files: files, shop: &systems.Shop{Root: root, Cache: filepath.Join(caches, "causette-bench"), Temp: temp}}, ctx.Err()
}

func (b *bench) close() {
	if err := os.RemoveAll(b.shop.Temp); err != nil {
		log.Print(err)
	}
}

// whole reports that nothing was left out, so that the results may stand in the docs.
func (o options) whole() bool { return !o.quick && len(o.only)+len(o.parts) == 0 }

// wants reports whether a measurement was asked for.
func (o options) wants(part string) bool { return len(o.parts) == 0 || slices.Contains(o.parts, part) }
