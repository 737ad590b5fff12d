package main

import (
	"fmt"
	"slices"
	"strings"
)

func (f *Far) markdown() string {
	t := newTable("readers", "instances", "let in after", "user-space B per reader", "kernel B per reader, both ends", "memory left",
		"CPU at rest, server + Redis cores", "one message reached half / all after", "lost", "")
	for _, s := range f.Steps {
		if s.Readers == 0 {
			t.row(thousands(s.Asked), fmt.Sprint(s.Instances), "–", "–", "–", "–", "–", "–", "–", s.Trouble)
			continue
		}
		t.row(thousands(s.Readers), fmt.Sprint(s.Instances), fmt.Sprintf("%.0f s", s.Connect), number(s.User), number(s.Kernel),
			fmt.Sprintf("%.1f GiB", float64(s.Free)/(1<<30)), fmt.Sprintf("%.2f + %.2f", s.RestCPU, s.RestRedis),
			fmt.Sprintf("%.1f / %.1f s", s.P50, s.Reach), thousands(s.Lost), s.Trouble)
	}
	text := f.System + ". " + f.place() + "\n" + t.String()
	if len(f.Steps) > 0 {
		text += "\nKernel objects per reader of the largest, in B: " + slabs(f.Steps[len(f.Steps)-1].Slabs) + ".\n"
	}
	if len(f.Refused) > 0 {
		text += "\nCould not be raised: `" + strings.Join(f.Refused, "`, `") + "`.\n"
	}
	return text
}

func slabs(all map[string]float64) string {
	var parts []string
	for name, each := range all {
		parts = append(parts, fmt.Sprintf("%s %s", name, number(each)))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

func (r *Rooms) markdown() string {
	m, f := r.Many, r.Fair
	var b strings.Builder
	b.WriteString(r.System + ". " + r.place() + "\n")
	t := newTable("rooms", "readers", "resident B per room, with its two readers", "after a message in each", "readers let in, per s",
		"CPU at rest, server + Redis cores", "arrivals in 0.1 s at rest, mean / most", "")
	t.row(thousands(m.Rooms), thousands(m.Readers), number(m.PerRoom), number(m.Talked), number(m.PerSecond),
		fmt.Sprintf("%.3f + %.3f", m.RestCPU, m.RestRedis), fmt.Sprintf("%.1f / %d", m.BeatsMean, m.BeatsMost), m.Trouble)
	b.WriteString(t.String() + "\n")
	t = newTable("", "p50 / p99 / p99.9 ms", "deliveries/s", "")
	t.row(fmt.Sprintf("%s rooms of %d, alone", thousands(f.Small), smallReaders), delays([]Fanout{f.Alone}), number(f.Alone.PerSecond), f.Trouble)
	t.row("the same beside the large room", delays([]Fanout{f.Beside}), number(f.Beside.PerSecond), "")
	t.row(fmt.Sprintf("the large room of %s", thousands(f.Large)), delays([]Fanout{f.Busy}), number(f.Busy.PerSecond), "")
	b.WriteString(t.String())
	return b.String()
}
