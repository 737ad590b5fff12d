package main

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"causette/bench/load"
	"causette/bench/machine"
	"causette/bench/proc"
	"causette/bench/systems"
)

// crowd is many instances with a generator each.
type crowd struct {
	*stage
	gens []*load.Generator
	each int // readers of all generators but the last
	last int
}

func (b *bench) crowd(ctx context.Context, s *systems.System, readers int) (*crowd, error) {
	each := min(b.files-spareFiles, load.MaxReaders)
	count := (readers + each - 1) / each
	st, err := b.set(ctx, s, count, systems.Setting{Calm: true})
	if err != nil {
		return nil, err
	}
	c := &crowd{stage: st, gens: []*load.Generator{st.gen}, each: each, last: readers - each*(count-1)}
	for range count - 1 {
		gen, err := load.Start(ctx)
		if err != nil {
			c.strike()
			return nil, err
		}
		c.gens = append(c.gens, gen)
	}
	return c, nil
}

func (c *crowd) strike() {
	for _, gen := range c.gens {
		gen.Stop()
	}
	c.stage.strike()
}

// all does something with each generator at the same time.
func (c *crowd) all(do func(i int, gen *load.Generator) error) error {
	var group errgroup.Group
	for i, gen := range c.gens {
		group.Go(func() error { return do(i, gen) })
	}
	return group.Wait()
}

// weight is where the memory is.
type weight struct {
	servers, generators, free int64
	slabs                     map[string]int64
}

// weigh looks after some seconds of rest.
func (c *crowd) weigh(seconds float64) (w weight, err error) {
	var collecting errgroup.Group
	for _, s := range c.servers {
		collecting.Go(func() error { s.Collect(); return nil })
	}
	if err := collecting.Wait(); err != nil {
		return w, err
	}
	if err := c.all(func(_ int, gen *load.Generator) error {
		_, err := gen.Rest(seconds)
		return err
	}); err != nil {
		return w, err
	}
	for i, s := range c.servers {
		server, errServer := proc.Resident([]int{s.Process.PID()})
		generator, errGenerator := c.gens[i].Resident()
		if err := errors.Join(errServer, errGenerator); err != nil {
			return w, err
		}
		w.servers += server
		w.generators += generator
	}
	w.free, err = machine.Available()
	w.slabs = machine.Slabs()
	return w, err
}

// compare says what the readers that came in between cost. What left the free
// memory and is in no process of the crowd is the kernel's.
func (w weight) compare(after weight, step *FarStep) {
	readers := float64(max(1, step.Readers))
	step.User = float64(after.servers-w.servers) / readers
	programs := after.servers - w.servers + after.generators - w.generators
	step.Kernel = float64(w.free-after.free-programs) / readers
	step.Free = after.free
	step.Slabs = map[string]float64{}
	for name, bytes := range after.slabs {
		if each := float64(bytes-w.slabs[name]) / readers; each >= 32 {
			step.Slabs[name] = each
		}
	}
}
