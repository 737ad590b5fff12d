package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// sections is results as Markdown.
func sections(result any) string {
	switch r := result.(type) {
	case *Report:
		return r.markdown()
	case *Far:
		return r.markdown()
	case *Rooms:
		return r.markdown()
	}
	return ""
}

// table is a Markdown table under way.
type table struct{ strings.Builder }

func newTable(heads ...string) *table {
	t := &table{}
	t.row(heads...)
	rule := make([]string, len(heads))
	for i := range rule {
		rule[i] = "---"
	}
	t.row(rule...)
	return t
}

func (t *table) row(cells ...string) { t.WriteString("| " + strings.Join(cells, " | ") + " |\n") }

// number writes a measurement with about three digits; a dash for none.
func number(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case math.Abs(v) >= 1000:
		return thousands(int(math.Round(v)))
	case math.Abs(v) >= 100:
		return fmt.Sprintf("%.0f", v)
	case math.Abs(v) >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func thousands(n int) string {
	s := fmt.Sprint(n)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// place says where and when.
func (h Header) place() string {
	m := h.Machine
	var versions []string
	for name, v := range m.Versions {
		versions = append(versions, name+" "+v)
	}
	slices.Sort(versions)
	return fmt.Sprintf("%s, %d cores (%s), %.0f GiB, Linux %s (%s), %s. Load average before: %s. `%s`\n",
		h.Taken, m.Cores, m.CPU, float64(m.Memory)/(1<<30), m.Kernel, m.System, strings.Join(versions, ", "), m.Load, h.Command)
}

func (r *Report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nMedians of %d; × is to the floor in the same run.\n\n", r.place(), r.Runs)
	if goals := r.targets(); goals != "" {
		b.WriteString("**What it is built to show**\n\n" + goals + "\n")
	}
	b.WriteString("**CPU µs per delivery**, server only (× floor)\n\n" + r.cpu() + "\n")
	b.WriteString("**Publish to receive**, p50 / p99 / p99.9 ms\n\n" + r.delay() + "\n")
	b.WriteString("**Readers and posts**\n\n" + r.rest() + "\n")
	b.WriteString("**Lost, doubled, out of order, readers cut**, all runs and scenes together\n\n" + r.faults())
	return b.String()
}

func (r *Report) heads(first string) []string {
	heads := []string{first}
	for _, sc := range r.Scenes {
		if sc.Key == "burst" {
			heads = append(heads, fmt.Sprintf("burst: %.0f/s to %s", sc.PerSecond, thousands(sc.Readers)))
			continue
		}
		heads = append(heads, fmt.Sprintf("%s readers, %.0f/s", thousands(sc.Readers), sc.PerSecond))
	}
	return heads
}

func (r *Report) floor() Result {
	for _, s := range r.Systems {
		if s.Kind == "floor" {
			return s
		}
	}
	return Result{}
}

func (r *Report) cpu() string {
	t, floor := newTable(r.heads("")...), r.floor()
	for _, s := range r.Systems {
		cells := []string{s.Name}
		for _, sc := range r.Scenes {
			ours := s.Fanout[sc.Key]
			cell := number(median(ours, Fanout.cpu))
			if cell != "–" && s.Kind != "floor" {
				cell += fmt.Sprintf(" (%.2f)", ratio(ours, floor.Fanout[sc.Key], Fanout.cpu))
			}
			cells = append(cells, cell)
		}
		t.row(cells...)
	}
	return t.String()
}

func (r *Report) delay() string {
	t := newTable(append(r.heads(""), "two instances, through Redis")...)
	for _, s := range r.Systems {
		cells := []string{s.Name}
		for _, sc := range r.Scenes {
			cells = append(cells, delays(s.Fanout[sc.Key]))
		}
		t.row(append(cells, delays(s.Pair))...)
	}
	return t.String()
}

func delays(f []Fanout) string {
	if len(f) == 0 {
		return "–"
	}
	return number(median(f, Fanout.p50)) + " / " + number(median(f, Fanout.p99)) + " / " + number(median(f, Fanout.p999))
}

func (r *Report) rest() string {
	readers := 0
	for _, sc := range r.Scenes {
		if sc.Settled {
			readers = sc.Readers
		}
	}
	t := newTable("", fmt.Sprintf("resident B per reader, %s readers", thousands(readers)), "readers let in, per s", "server µs for each", "B allocated for each", "burst: deliveries/s",
		"posts/s, 32 clients", "server + Redis µs", "posts/s, 256 clients", "server + Redis µs")
	for _, s := range r.Systems {
		burst := median(s.Fanout["burst"], func(f Fanout) float64 { return fine(f.broken(), f.PerSecond) })
		t.row(slices.Concat([]string{s.Name}, letIn(s.Memory), []string{number(burst)}, posts(s.Posts))...)
		if len(s.Named) > 0 {
			t.row(slices.Concat([]string{s.Name + ", each in a session with a nickname"}, letIn(s.Named), []string{"–"}, posts(s.NamedPosts))...)
		}
	}
	return t.String()
}

func letIn(m []Memory) []string {
	pace := median(m, func(m Memory) float64 { return fine(m.Trouble, m.PerSecond) })
	cpu := median(m, func(m Memory) float64 { return fine(m.Trouble, m.Connect) })
	allocated := median(m, func(m Memory) float64 {
		if m.Allocated == 0 { // it does not say
			return math.NaN()
		}
		return fine(m.Trouble, m.Allocated)
	})
	return []string{number(median(m, Memory.each)), number(pace), number(cpu), number(allocated)}
}

func posts(by map[string][]PostRate) (cells []string) {
	for _, n := range clients {
		p := by[fmt.Sprint(n)]
		cpu, redis := median(p, PostRate.cpu), median(p, func(p PostRate) float64 { return fine(p.Trouble, p.Redis) })
		cells = append(cells, number(median(p, PostRate.perSecond)), number(cpu)+" + "+number(redis))
	}
	return cells
}
