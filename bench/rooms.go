package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"causette/bench/load"
	"causette/bench/systems"
)

// Rooms is how Causette does with many rooms.
type Rooms struct {
	Header
	System string    `json:"system"`
	Many   ManyRooms `json:"many"`
	Fair   Fairness  `json:"fair"`
}

// ManyRooms is rooms of two readers each, on two instances.
type ManyRooms struct {
	Rooms     int     `json:"rooms"`
	Readers   int     `json:"readers"`
	PerRoom   float64 `json:"per_room"`   // resident bytes, with its readers, on the instance
	Talked    float64 `json:"talked"`     // the same after a message in each
	PerSecond float64 `json:"per_second"` // readers let in, each into a room that had to be opened or found
	RestCPU   float64 `json:"rest_cpu"`   // cores of both instances, while nobody talks
	RestRedis float64 `json:"rest_redis"`
	BeatsMean float64 `json:"beats_mean"` // arrivals in a tenth of a second, while nobody talks
	BeatsMost int     `json:"beats_most"`
	Beats     []int   `json:"beats"`
	Trouble   string  `json:"trouble,omitempty"`
}

// Fairness is small rooms beside a large one, on one instance.
type Fairness struct {
	Large   int    `json:"large"` // readers of the large room
	Small   int    `json:"small"` // small rooms, of ten readers each
	Alone   Fanout `json:"alone"` // the small rooms while the large one is silent
	Beside  Fanout `json:"beside"`
	Busy    Fanout `json:"busy"` // the large room
	Trouble string `json:"trouble,omitempty"`
}

// Sizes of the two scenes.
const (
	twoReaderRooms = 5000 // on each instance
	largeRoom      = 10_000
	smallRooms     = 1000
	quicker        = 20 // times smaller, for a first impression
	smallReaders   = 10
	restWindow     = 20 // seconds, more than a heartbeat
	// idleCollection is when a Go program at rest has collected what posts left, in
	// seconds: it does so every two minutes.
	idleCollection = 130
)

func (b *bench) measureRooms(ctx context.Context) (*Rooms, error) {
	s, err := systems.Causette(ctx, b.shop)
	if err != nil {
		return nil, err
	}
	r := &Rooms{Header: b.header(ctx), System: s.Name}
	if err := b.manyRooms(ctx, s, &r.Many); err != nil {
		r.Many.Trouble = err.Error()
	}
	say("many rooms: %+v", r.Many)
	if err := b.fairness(ctx, s, &r.Fair); err != nil {
		r.Fair.Trouble = err.Error()
	}
	say("fairness: %+v", r.Fair)
	return r, ctx.Err()
}

// manyRooms has the memory of the first instance measured; the second is there
// because one may not open enough files for 20,000 readers.
func (b *bench) manyRooms(ctx context.Context, s *systems.System, m *ManyRooms) error {
	st, err := b.set(ctx, s, 2, systems.Setting{})
	if err != nil {
		return err
	}
	defer st.strike()
	other, err := load.Start(ctx)
	if err != nil {
		return err
	}
	defer other.Stop()
	rooms := twoReaderRooms
	if b.quick {
		rooms /= quicker
	}
	m.Rooms, m.Readers = 2*rooms, 4*rooms
	second := &stage{gen: other}
	if _, err := second.connectAs(load.Connect{
		Address: st.servers[1].Address, Reader: st.servers[1].Reader, FirstRoom: rooms, Rooms: rooms, Each: 2,
	}); err != nil {
		return err
	}
	memory := st.memory(ctx, load.Connect{Rooms: rooms, Each: 2})
	if err := trouble(memory.Trouble); err != nil {
		return err
	}
	m.PerRoom, m.PerSecond = memory.Each*2, memory.PerSecond
	if err := st.beats(m); err != nil {
		return err
	}
	if _, err := st.gen.Run(load.Run{Streams: []load.Stream{{
		Address: st.servers[0].Address, Request: st.servers[0].Publish, Rooms: rooms, PerSecond: 1000, Messages: rooms,
	}}, Quiet: quiet, Limit: runLimit}, nil); err != nil {
		return err
	}
	if _, err := st.gen.Rest(idleCollection); err != nil {
		return err
	}
	talked, err := st.settled(ctx)
	m.Talked = m.PerRoom + float64(talked-memory.Whole)/float64(rooms)
	return err
}

// beats measures heartbeats: what they cost, and how evenly they come.
func (st *stage) beats(m *ManyRooms) error {
	meter, err := st.meter()
	if err == nil {
		err = meter.start()
	}
	if err != nil {
		return err
	}
	begun := time.Now()
	rested, err := st.gen.Rest(restWindow)
	if err == nil {
		err = meter.stop()
	}
	if err != nil {
		return err
	}
	wall := time.Since(begun).Seconds()
	m.RestCPU, m.RestRedis = meter.spentServers.Seconds()/wall, meter.spentRedis.Seconds()/wall
	m.Beats = rested.Arrivals
	for _, n := range rested.Arrivals {
		m.BeatsMean += float64(n) / float64(len(rested.Arrivals))
		m.BeatsMost = max(m.BeatsMost, n)
	}
	return nil
}

// fairness has one publisher go through the small rooms, alone and beside
// another one who keeps the large room busy. Who reads the one reads none of the
// other: a generator that has ten thousand events to take is late for ten more.
func (b *bench) fairness(ctx context.Context, s *systems.System, f *Fairness) error {
	st, err := b.set(ctx, s, 1, systems.Setting{})
	if err != nil {
		return err
	}
	defer st.strike()
	f.Large = largeRoom
	f.Small = min(smallRooms, (min(b.files-spareFiles, load.MaxReaders)-largeRoom)/smallReaders)
	if b.quick {
		f.Large, f.Small = f.Large/quicker, f.Small/quicker
	}
	other, err := load.Start(ctx)
	if err != nil {
		return err
	}
	defer other.Stop()
	server := st.servers[0]
	if _, err := (&stage{gen: other}).connect(server, f.Large); err != nil {
		return err
	}
	if _, err := st.connectAs(load.Connect{
		Address: server.Address, Reader: server.Reader, FirstRoom: 1, Rooms: f.Small, Each: smallReaders,
	}); err != nil {
		return err
	}
	small := load.Stream{Address: server.Address, Request: server.Publish, FirstRoom: 1, Rooms: f.Small, PerSecond: 97, Messages: 800}
	large := load.Stream{Address: server.Address, Request: server.Publish, Rooms: 1, PerSecond: 4, Messages: 32}
	alone, err := st.gen.Run(load.Run{Streams: []load.Stream{small}, Warm: 2, Quiet: quiet, Limit: runLimit}, nil)
	if err != nil {
		return err
	}
	var beside, busy load.Ran
	both := new(errgroup.Group)
	both.Go(func() (err error) {
		beside, err = st.gen.Run(load.Run{Streams: []load.Stream{small}, Warm: 1, Quiet: quiet, Limit: runLimit}, nil)
		return err
	})
	both.Go(func() (err error) {
		busy, err = other.Run(load.Run{Streams: []load.Stream{large}, Warm: 1, Quiet: quiet, Limit: runLimit}, nil)
		return err
	})
	if err := both.Wait(); err != nil {
		return err
	}
	f.Alone, f.Beside, f.Busy = summary(alone.Outcomes[0], alone), summary(beside.Outcomes[0], beside), summary(busy.Outcomes[0], busy)
	if lost := f.Alone.Lost + f.Beside.Lost + f.Busy.Lost; lost > 0 {
		return fmt.Errorf("%d deliveries were lost", lost)
	}
	return nil
}
