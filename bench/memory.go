package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"causette/bench/load"
	"causette/bench/proc"
	"causette/bench/systems"
)

// memory lets readers in, and measures what each keeps resident once garbage is
// collected and all is quiet.
func (st *stage) memory(ctx context.Context, c load.Connect) (m Memory) {
	m.Readers = c.Rooms * c.Each
	if err := st.fill(ctx, c, &m); err != nil {
		m.Trouble = err.Error()
	}
	return m
}

func (st *stage) fill(ctx context.Context, c load.Connect, m *Memory) error {
	if err := warm(ctx, st.servers[0]); err != nil {
		return err
	}
	before, err := st.settled(ctx)
	if err != nil {
		return err
	}
	meter, err := st.meter()
	if err == nil {
		err = meter.start()
	}
	if err != nil {
		return err
	}
	c.Address, c.Reader = st.servers[0].Address, st.servers[0].Reader
	allocated, err := st.allocated(ctx)
	if err != nil {
		return err
	}
	done, err := st.connectAs(c)
	if err == nil {
		err = meter.stop()
	}
	if err != nil {
		return err
	}
	since, err := st.allocated(ctx)
	if err != nil {
		return err
	}
	m.Allocated = (since - allocated) / float64(m.Readers)
	m.PerSecond = float64(done.Readers) / max(1e-3, done.Seconds)
	m.Connect = float64(meter.spentServers.Microseconds()) / float64(m.Readers)
	if m.Whole, err = st.settled(ctx); err != nil {
		return err
	}
	m.Each = float64(m.Whole-before) / float64(m.Readers)
	return nil
}

// allocated is what the server has asked for since it began; 0 if it does not say.
func (st *stage) allocated(ctx context.Context) (float64, error) {
	if server := st.servers[0]; server.Allocated != nil {
		return server.Allocated(ctx)
	}
	return 0, nil
}

// How often memory is looked at, when it counts as settled, and when that is
// given up: Go gives memory back to the system slowly.
const (
	lookEvery = 1.0 // seconds
	steady    = 3   // looks
	maxLooks  = 25
)

// settled is the server's resident memory when it does not fall any more.
func (st *stage) settled(ctx context.Context) (int64, error) {
	server := st.servers[0]
	server.Collect()
	var lowest int64
	for looks, same := 0, 0; looks < maxLooks && same < steady; looks++ {
		if _, err := st.gen.Rest(lookEvery); err != nil {
			return 0, err
		}
		tree, err := server.Process.Tree()
		if err != nil {
			return 0, err
		}
		now, err := proc.Resident(tree)
		if err != nil {
			return 0, err
		}
		if same++; lowest == 0 || now < lowest-lowest/200 {
			lowest, same = now, 0
		}
	}
	return lowest, ctx.Err()
}

// named measures readers who have a session and a nickname each.
func (b *bench) named(ctx context.Context, s *systems.System, readers int) Memory {
	st, err := b.set(ctx, s, 1, systems.Setting{})
	if err != nil {
		return Memory{Trouble: err.Error()}
	}
	defer st.strike()
	begun := time.Now()
	lines, err := systems.Members(ctx, st.servers[0].Address, readers)
	if err != nil {
		return Memory{Trouble: err.Error()}
	}
	say("  %d sessions in %.1f s", readers, time.Since(begun).Seconds())
	return st.memory(ctx, load.Connect{Rooms: 1, Each: readers, Lines: lines})
}

// trouble is nil of no trouble.
func trouble(what string) error {
	if what == "" {
		return nil
	}
	return errors.New(what)
}

func (m Memory) String() string {
	if m.Trouble != "" {
		return m.Trouble
	}
	return fmt.Sprintf("%.0f B a reader, %.0f readers/s, %.0f µs and %.0f B allocated each", m.Each, m.PerSecond, m.Connect, m.Allocated)
}
