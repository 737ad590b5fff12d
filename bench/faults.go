package main

import (
	"math"
	"slices"
)

// faults is a table of what did not arrive as it should have.
func (r *Report) faults() string {
	t := newTable("", "deliveries", "lost", "doubled", "out of order", "readers cut", "")
	for _, s := range r.Systems {
		if s.Absent != "" {
			t.row(s.Name, "–", "–", "–", "–", "–", "not to be had here: "+s.Absent)
			continue
		}
		all := slices.Clone(s.Pair)
		for _, sc := range r.Scenes {
			all = append(all, s.Fanout[sc.Key]...)
		}
		t.row(s.Name, thousands(total(all, func(f Fanout) int { return f.Expected })), thousands(total(all, func(f Fanout) int { return f.Lost })),
			thousands(total(all, func(f Fanout) int { return f.Doubled })), thousands(total(all, func(f Fanout) int { return f.Disordered })),
			thousands(total(all, func(f Fanout) int { return f.Cut })), s.trouble())
	}
	return t.String()
}

// trouble is the first thing that went wrong in any sample.
func (s Result) trouble() string {
	var first string
	note := func(where, what string) {
		if first == "" && what != "" {
			first = where + ": " + what
		}
	}
	for key, samples := range s.Fanout {
		for _, f := range samples {
			note(key, f.Trouble)
		}
	}
	for _, f := range s.Pair {
		note("two instances", f.Trouble)
	}
	for _, m := range append(slices.Clone(s.Memory), s.Named...) {
		note("memory", m.Trouble)
	}
	for _, posts := range []map[string][]PostRate{s.Posts, s.NamedPosts} {
		for key, samples := range posts {
			for _, p := range samples {
				note(key+" clients", p.Trouble)
			}
		}
	}
	return first
}

// fine is v, unless there was trouble.
func fine(trouble string, v float64) float64 {
	if trouble != "" {
		return math.NaN()
	}
	return v
}

// broken is the trouble that leaves nothing to measure; lost messages do not.
func (f Fanout) broken() string {
	if f.Expected > 0 && f.Lost < f.Expected {
		return ""
	}
	return "nothing was delivered"
}

func (f Fanout) cpu() float64         { return fine(f.broken(), f.CPU) }
func (f Fanout) p50() float64         { return fine(f.broken(), f.P50) }
func (f Fanout) p99() float64         { return fine(f.broken(), f.P99) }
func (f Fanout) p999() float64        { return fine(f.broken(), f.P999) }
func (p PostRate) cpu() float64       { return fine(p.Trouble, p.CPU) }
func (p PostRate) perSecond() float64 { return fine(p.Trouble, p.PerSecond) }
func (m Memory) each() float64        { return fine(m.Trouble, m.Each) }
