package main

import (
	"context"
	"fmt"
	"slices"

	"causette/bench/systems"
)

// compare measures every system in every scene, as many times as asked for. The
// systems take turns, and each run begins with another, so that what drifts on
// the machine meets all of them.
func (b *bench) compare(ctx context.Context) (*Report, error) {
	report := &Report{Header: b.header(ctx), Runs: b.runs, Scenes: b.scenes()}
	all, err := systems.All(ctx, b.shop, b.only)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		r := Result{
			Key: s.Key, Name: s.Name, Kind: string(s.Kind), Stores: s.Stores,
			Fanout: map[string][]Fanout{}, Posts: map[string][]PostRate{}, NamedPosts: map[string][]PostRate{},
		}
		if s.Absent != nil {
			r.Absent = s.Absent.Error()
			say("%s is not to be had here: %v", s.Name, s.Absent)
		}
		report.Systems = append(report.Systems, r)
	}
	for run := range b.runs {
		round := func(part string, turn func(*systems.System, *Result)) {
			if b.wants(part) {
				b.round(ctx, run, all, report, turn)
			}
		}
		for _, sc := range report.Scenes {
			round(sc.Key, func(s *systems.System, r *Result) { b.inScene(ctx, s, sc, r) })
		}
		round("post", func(s *systems.System, r *Result) { b.posting(ctx, s, r) })
		round("pair", func(s *systems.System, r *Result) { b.between(ctx, s, r) })
		round("named", func(s *systems.System, r *Result) { b.withNames(ctx, s, r) })
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return report, nil
}

// round lets every system have its turn.
func (b *bench) round(ctx context.Context, run int, all []*systems.System, report *Report, turn func(*systems.System, *Result)) {
	for i := range all {
		i = (i + run) % len(all)
		if all[i].Absent == nil && ctx.Err() == nil {
			turn(all[i], &report.Systems[i])
		}
	}
}

func (b *bench) inScene(ctx context.Context, s *systems.System, sc Scene, r *Result) {
	f, m := b.fanout(ctx, s, sc)
	say("%-6s %-22s %s", sc.Key, s.Key, f)
	r.Fanout[sc.Key] = append(r.Fanout[sc.Key], f)
	if m != nil {
		say("%-6s %-22s %s", "memory", s.Key, m)
		r.Memory = append(r.Memory, *m)
	}
}

func (b *bench) posting(ctx context.Context, s *systems.System, r *Result) {
	for _, n := range clients {
		key := fmt.Sprint(n)
		p := b.postRate(ctx, s, n, false)
		say("%-6s %-22s %s", "post"+key, s.Key, p)
		r.Posts[key] = append(r.Posts[key], p)
		if s.Kind == systems.Ours {
			p := b.postRate(ctx, s, n, true)
			say("%-6s %-22s %s", "post"+key, s.Key+", sessions", p)
			r.NamedPosts[key] = append(r.NamedPosts[key], p)
		}
	}
}

func (b *bench) between(ctx context.Context, s *systems.System, r *Result) {
	if !s.Redis {
		return
	}
	f := b.pair(ctx, s)
	say("%-6s %-22s %s", "pair", s.Key, f)
	r.Pair = append(r.Pair, f)
}

func (b *bench) withNames(ctx context.Context, s *systems.System, r *Result) {
	if s.Kind != systems.Ours {
		return
	}
	m := b.named(ctx, s, slices.Max(b.readers))
	say("%-6s %-22s %s", "named", s.Key, m)
	r.Named = append(r.Named, m)
}

func (f Fanout) String() string {
	wrong := ""
	if f.Lost+f.Doubled+f.Disordered+f.Cut > 0 {
		wrong = fmt.Sprintf(", %d lost, %d doubled, %d out of order, %d readers cut", f.Lost, f.Doubled, f.Disordered, f.Cut)
	}
	return fmt.Sprintf("%.1f + %.1f µs, p50 %.1f p99 %.1f p99.9 %.1f ms, %.0f/s, %.0f B, generator %.0f %%%s %s",
		f.CPU, f.Redis, f.P50, f.P99, f.P999, f.PerSecond, f.Wire, 100*f.Busy, wrong, f.Trouble)
}
