package main

import (
	"context"
	"fmt"
	"slices"

	"causette/bench/load"
	"causette/bench/systems"
)

// clients are the numbers of keep-alive clients who post.
var clients = []int{32, 256}

// postRate measures clients who post to one room as fast as they are answered:
// all the same body, or each in a session of its own. Nobody reads: it is the way
// in that is measured.
func (b *bench) postRate(ctx context.Context, s *systems.System, clients int, members bool) (p PostRate) {
	st, err := b.set(ctx, s, 1, systems.Setting{Posts: true})
	if err == nil {
		defer st.strike()
		err = st.post(ctx, clients, members, b.quick, &p)
	}
	if err != nil {
		p.Trouble = err.Error()
	}
	return p
}

func (st *stage) post(ctx context.Context, clients int, members, quick bool, p *PostRate) error {
	server := st.servers[0]
	requests := slices.Repeat([][]byte{server.Publish}, clients)
	if members {
		var err error
		if requests, err = server.Members(ctx, clients); err != nil {
			return err
		}
	}
	meter, err := st.meter()
	if err != nil {
		return err
	}
	posts := load.Posts{Address: server.Address, Requests: requests, Warm: 1, Seconds: 5}
	if quick {
		posts.Warm, posts.Seconds = 0.5, 1.5
	}
	done, err := st.gen.Post(posts, meter.start)
	if err == nil {
		err = meter.stop()
	}
	if err != nil {
		return err
	}
	answered := float64(max(1, done.Answered))
	*p = PostRate{
		PerSecond: float64(done.Answered) / max(1e-3, done.Seconds),
		CPU:       float64(meter.spentServers.Nanoseconds()) / 1000 / answered,
		Redis:     float64(meter.spentRedis.Nanoseconds()) / 1000 / answered,
		P50:       milliseconds(done.Delay, 0.5), P99: milliseconds(done.Delay, 0.99),
		Refused: done.Refused, Busy: done.Busy, Trouble: done.Why,
	}
	return nil
}

func (p PostRate) String() string {
	return fmt.Sprintf("%.0f posts/s, %.1f + %.1f µs, p99 %.2f ms, generator %.0f %% %s",
		p.PerSecond, p.CPU, p.Redis, p.P99, 100*p.Busy, p.Trouble)
}
