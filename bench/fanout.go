package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"causette/bench/load"
	"causette/bench/systems"
)

// Scene is one publisher, and readers of one room.
type Scene struct {
	Key       string  `json:"key"`
	Readers   int     `json:"readers"`
	PerSecond float64 `json:"per_second"` // messages
	Messages  int     `json:"messages"`   // measured
	Warm      float64 `json:"warm"`       // seconds before
	Settled   bool    `json:"settled"`    // memory is measured before
}

// The burst is more than the floor can deliver.
const (
	burstReaders = 1000
	burstPace    = 200 // messages per second
)

// scenes are the numbers of readers asked for, each with about the deliveries
// that two cores can make, and a burst.
func (o options) scenes() []Scene {
	window, burst := 6.0, 5.0 // seconds
	if o.quick {
		window, burst = 2, 1.5
	}
	var all []Scene
	for _, n := range o.readers {
		pace := min(20, max(2, 10_000/float64(n)))
		all = append(all, Scene{
			Key: fmt.Sprint(n), Readers: n, PerSecond: pace, Messages: int(pace * window), Warm: 1, Settled: n == slices.Max(o.readers),
		})
	}
	return append(all, Scene{
		Key: "burst", Readers: burstReaders, PerSecond: burstPace, Messages: int(burstPace * burst), Warm: 0.05,
	})
}

// How long a run may go on, and how long it waits for a delivery.
const (
	runLimit = 90
	quiet    = 6
)

// fanout measures one scene; memory too, if the scene is made for it.
func (b *bench) fanout(ctx context.Context, s *systems.System, sc Scene) (f Fanout, m *Memory) {
	st, err := b.set(ctx, s, 1, systems.Setting{})
	if err != nil {
		return Fanout{Trouble: err.Error()}, nil
	}
	defer st.strike()
	if sc.Settled {
		memory := st.memory(ctx, load.Connect{Rooms: 1, Each: sc.Readers})
		m, err = &memory, trouble(memory.Trouble)
	} else {
		_, err = st.connect(st.servers[0], sc.Readers)
	}
	if err == nil {
		f, err = st.deliver(st.servers[0], sc)
	}
	if err != nil {
		f.Trouble = err.Error()
	}
	return f, m
}

// deliver publishes a scene's messages to a server, and measures.
func (st *stage) deliver(to *systems.Server, sc Scene) (Fanout, error) {
	meter, err := st.meter()
	if err != nil {
		return Fanout{}, err
	}
	stream := load.Stream{Address: to.Address, Request: to.Publish, Rooms: 1, PerSecond: sc.PerSecond, Messages: sc.Messages}
	ran, err := st.gen.Run(load.Run{Streams: []load.Stream{stream}, Warm: sc.Warm, Quiet: quiet, Limit: runLimit}, meter.start)
	if err != nil {
		return Fanout{}, err
	}
	f := summary(ran.Outcomes[0], ran)
	if err := meter.stop(); err != nil {
		return f, fmt.Errorf("%s died: %w", st.system.Name, err)
	}
	deliveries := float64(max(1, ran.Outcomes[0].Received))
	f.CPU = float64(meter.spentServers.Nanoseconds()) / 1000 / deliveries
	f.Redis = float64(meter.spentRedis.Nanoseconds()) / 1000 / deliveries
	return f, nil
}

func summary(o load.Outcome, ran load.Ran) Fanout {
	window := max(1e-3, time.Duration(o.Last-o.First).Seconds())
	f := Fanout{
		P50: milliseconds(o.Delay, 0.5), P99: milliseconds(o.Delay, 0.99), P999: milliseconds(o.Delay, 0.999),
		PerSecond: float64(o.Received) / window, Pace: float64(o.Sent) / window,
		Expected: o.Expected, Lost: o.Expected - o.Received, Doubled: o.Doubled, Disordered: o.Disordered,
		Cut: ran.Cut, Wire: float64(ran.Bytes) / float64(max(1, o.Received)), Busy: ran.Busy, Trouble: ran.Why,
	}
	if o.Torn > 0 { // of our own making, and never seen
		f.Trouble = fmt.Sprintf("%d messages came torn", o.Torn)
	}
	return f
}

// pair measures from one instance to readers on another, through Redis.
func (b *bench) pair(ctx context.Context, s *systems.System) Fanout {
	st, err := b.set(ctx, s, 2, systems.Setting{})
	if err != nil {
		return Fanout{Trouble: err.Error()}
	}
	defer st.strike()
	sc := Scene{Readers: 10, PerSecond: 50, Messages: 400, Warm: 1}
	if b.quick {
		sc.Messages = 100
	}
	var f Fanout
	if _, err = st.connect(st.servers[1], sc.Readers); err == nil {
		f, err = st.deliver(st.servers[0], sc)
	}
	if err != nil {
		f.Trouble = err.Error()
	}
	return f
}
