package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"causette/bench/load"
	"causette/bench/proc"
	"causette/bench/systems"
)

// stage is what one measurement needs, started for it alone.
type stage struct {
	system  *systems.System
	redis   *proc.Process // nil if the system wants none
	servers []*systems.Server
	gen     *load.Generator
}

// set starts a Redis, some servers on it, and a load generator.
func (b *bench) set(ctx context.Context, s *systems.System, servers int, setting systems.Setting) (*stage, error) {
	st := &stage{system: s}
	var err error
	if s.Redis {
		if st.redis, setting.Redis, err = systems.StartRedis(ctx, b.shop); err != nil {
			return nil, err
		}
	}
	for range servers {
		server, err := s.Start(ctx, b.shop, setting)
		if err != nil {
			st.strike()
			return nil, err
		}
		st.servers = append(st.servers, server)
	}
	if st.gen, err = load.Start(ctx); err != nil {
		st.strike()
		return nil, err
	}
	return st, nil
}

// strike ends all of it.
func (st *stage) strike() {
	st.gen.Stop()
	for _, s := range st.servers {
		s.Process.Stop()
	}
	st.redis.Stop()
}

// connect lets readers of one room in, and is an error unless all came in.
func (st *stage) connect(server *systems.Server, readers int) (load.Connected, error) {
	return st.connectAs(load.Connect{Address: server.Address, Reader: server.Reader, Rooms: 1, Each: readers})
}

// Bounds of connecting: how many at once, and how long for all, in s.
const (
	atOnce       = 256
	connectLimit = 120
)

func (st *stage) connectAs(c load.Connect) (load.Connected, error) {
	c.AtOnce, c.Limit = atOnce, connectLimit
	done, err := st.gen.Connect(c)
	if err == nil && done.Readers < c.Rooms*c.Each {
		err = fmt.Errorf("%d of %d readers were not let in: %s", c.Rooms*c.Each-done.Readers, c.Rooms*c.Each, done.Why)
	}
	return done, err
}

// warmReaders come and go before anything is weighed: enough that a server that
// tidies up after many does so before the first weighing as it does before the second.
const warmReaders = 600

// warm has a server do each thing once, so that what it needs only once is not
// counted as a reader's.
func warm(ctx context.Context, server *systems.Server) error {
	gen, err := load.Start(ctx)
	if err != nil {
		return err
	}
	defer gen.Stop()
	early := &stage{gen: gen}
	if _, err := early.connect(server, warmReaders); err != nil {
		return err
	}
	_, err = gen.Run(load.Run{Streams: []load.Stream{{
		Address: server.Address, Request: server.Publish, Rooms: 1, PerSecond: 20, Messages: 20,
	}}, Quiet: 5, Limit: 20}, nil)
	return err
}

// meter counts the CPU time of servers and Redis.
type meter struct {
	servers, redis           []int // process ids
	fromServers, fromRedis   time.Duration
	spentServers, spentRedis time.Duration
}

func (st *stage) meter() (*meter, error) {
	m := &meter{}
	for _, s := range st.servers {
		tree, err := s.Process.Tree()
		if err != nil {
			return nil, err
		}
		m.servers = append(m.servers, tree...)
	}
	if st.redis != nil {
		m.redis = []int{st.redis.PID()}
	}
	return m, nil
}

func (m *meter) read() (servers, redis time.Duration, err error) {
	if servers, err = proc.CPU(m.servers); err != nil || m.redis == nil {
		return servers, 0, err
	}
	redis, err = proc.CPU(m.redis)
	return servers, redis, err
}

// start begins to count.
func (m *meter) start() (err error) {
	m.fromServers, m.fromRedis, err = m.read()
	return err
}

// stop ends it.
func (m *meter) stop() error {
	servers, redis, err := m.read()
	m.spentServers, m.spentRedis = servers-m.fromServers, redis-m.fromRedis
	return err
}

// say tells the person who waits how it goes.
func say(format string, args ...any) { log.Printf(format, args...) }
