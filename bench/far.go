package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"causette/bench/load"
	"causette/bench/machine"
	"causette/bench/systems"
)

// Far is how many idle readers one machine holds.
type Far struct {
	Header
	System  string    `json:"system"`
	Refused []string  `json:"refused,omitempty"` // kernel limits that could not be raised
	Steps   []FarStep `json:"steps"`
}

// FarStep is one number of readers, all in one room, on as many instances as the
// limit of open files asks for.
type FarStep struct {
	Asked     int                `json:"asked"`
	Instances int                `json:"instances"`
	Readers   int                `json:"readers"` // that came in
	Connect   float64            `json:"connect"` // seconds until all were in
	User      float64            `json:"user"`    // bytes per reader in the instances' own memory
	Kernel    float64            `json:"kernel"`  // bytes per reader in the kernel, for both ends of its connection
	Slabs     map[string]float64 `json:"slabs"`   // what that is made of, where it is much
	Free      int64              `json:"free"`    // bytes that programs could still get
	RestCPU   float64            `json:"rest_cpu"`
	RestRedis float64            `json:"rest_redis"` // cores, while nothing is posted
	Reach     float64            `json:"reach"`      // seconds until one message had reached all
	P50       float64            `json:"p50"`        // seconds
	Lost      int                `json:"lost"`
	Cut       int                `json:"cut"`
	Trouble   string             `json:"trouble,omitempty"`
}

// Bounds of going far.
const (
	spareFiles  = 1000    // of a process, for other things than readers
	enough      = 2 << 30 // bytes of free memory below which it is given up
	restSeconds = 20
	reachLimit  = 120 // seconds for one message to reach all
)

func (b *bench) goFar(ctx context.Context) (*Far, error) {
	far := &Far{Header: b.header(ctx)}
	s, err := systems.Causette(ctx, b.shop)
	if err != nil {
		return nil, err
	}
	restore, refused := machine.Raise()
	far.System, far.Refused = s.Name, refused
	defer func() {
		if err := restore(); err != nil {
			say("%v", err)
		}
	}()
	for _, n := range b.far {
		step := b.farStep(ctx, s, n)
		say("%d readers: %+v", n, step)
		far.Steps = append(far.Steps, step)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return far, nil
}

func (b *bench) farStep(ctx context.Context, s *systems.System, readers int) (step FarStep) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	step = FarStep{Asked: readers}
	c, err := b.crowd(ctx, s, readers)
	if err == nil {
		defer c.strike()
		step.Instances = len(c.servers)
		guard(ctx, cancel)
		err = c.measure(ctx, &step)
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		step.Trouble = err.Error()
	}
	return step
}

// guard ends everything when memory runs out, before the kernel chooses what to end.
func guard(ctx context.Context, cancel context.CancelCauseFunc) {
	go func() {
		for ctx.Err() == nil {
			if free, err := machine.Available(); err == nil && free < enough {
				cancel(fmt.Errorf("given up: less than %d MiB of memory were left", enough>>20))
			}
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	}()
}

func (c *crowd) measure(ctx context.Context, step *FarStep) error {
	var warming errgroup.Group
	warming.SetLimit(4)
	for _, s := range c.servers {
		warming.Go(func() error { return warm(ctx, s) })
	}
	if err := warming.Wait(); err != nil {
		return err
	}
	before, err := c.weigh(5)
	if err != nil {
		return err
	}
	if err := c.open(step); err != nil {
		return err
	}
	say("  %d readers in %.0f s", step.Readers, step.Connect)
	after, err := c.weigh(15)
	if err != nil {
		return err
	}
	before.compare(after, step)
	if err := c.rest(step); err != nil {
		return err
	}
	return errors.Join(c.reach(step), ctx.Err())
}

// open lets all readers in.
func (c *crowd) open(step *FarStep) error {
	begun := time.Now()
	var mu sync.Mutex // guards step
	err := c.all(func(i int, gen *load.Generator) error {
		readers := c.each
		if i == len(c.gens)-1 {
			readers = c.last
		}
		done, err := gen.Connect(load.Connect{
			Address: c.servers[i].Address, Source: fmt.Sprintf("127.0.%d.%d", 1+i/200, 1+i%200), Reader: c.servers[i].Reader,
			Rooms: 1, Each: readers, AtOnce: 64, Limit: 60 + float64(step.Asked)/2000,
		})
		mu.Lock()
		defer mu.Unlock()
		step.Readers += done.Readers
		if step.Trouble == "" {
			step.Trouble = done.Why
		}
		return err
	})
	step.Connect = time.Since(begun).Seconds()
	return err
}

// rest measures what idle readers cost in CPU.
func (c *crowd) rest(step *FarStep) error {
	meter, err := c.meter()
	if err == nil {
		err = meter.start()
	}
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := c.all(func(_ int, gen *load.Generator) error {
		_, err := gen.Rest(restSeconds)
		return err
	}); err != nil {
		return err
	}
	if err := meter.stop(); err != nil {
		return err
	}
	wall := time.Since(begun).Seconds()
	step.RestCPU, step.RestRedis = meter.spentServers.Seconds()/wall, meter.spentRedis.Seconds()/wall
	return nil
}

// reach publishes one message on the first instance, and waits for everybody.
func (c *crowd) reach(step *FarStep) error {
	var listening sync.WaitGroup
	listening.Add(len(c.gens) - 1)
	rans := make([]load.Ran, len(c.gens))
	err := c.all(func(i int, gen *load.Generator) (err error) {
		stream := load.Stream{Rooms: 1, PerSecond: 1, Messages: 1}
		ready := sync.OnceFunc(listening.Done)
		begin := func() error { ready(); return nil }
		if i == 0 {
			stream.Address, stream.Request = c.servers[0].Address, c.servers[0].Publish
			begin = func() error { listening.Wait(); return nil }
		} else {
			defer ready() // whatever goes wrong, nobody waits for it
		}
		rans[i], err = gen.Run(load.Run{Streams: []load.Stream{stream}, Quiet: reachLimit, Limit: reachLimit}, begin)
		return err
	})
	if err != nil {
		return err
	}
	var delays load.Histogram
	expected := 0
	for _, ran := range rans {
		o := ran.Outcomes[0]
		expected += o.Expected
		step.Lost += o.Expected - o.Received
		step.Cut += ran.Cut
		delays.Merge(o.Delay)
	}
	step.Lost += step.Readers - expected
	step.Reach, step.P50 = delays.Quantile(1).Seconds(), delays.Quantile(0.5).Seconds()
	return nil
}
