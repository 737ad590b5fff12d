package main

import (
	"fmt"
	"math"
	"strings"
)

// target is something to reach, by Causette.
type target struct {
	what  string
	limit float64
	least bool // the limit is to be reached, not to be kept below
	value func(r *Report, ours Result) float64
}

// targets are what Causette is built to show.
var targets = []target{
	{"CPU per delivery, 10,000 readers, × floor", 1.10, false, overFloor("10000", Fanout.cpu)},
	{"CPU per delivery, 1,000 readers, × floor", 1.20, false, overFloor("1000", Fanout.cpu)},
	{"CPU per delivery in the burst, × floor", 0.55, false, overFloor("burst", Fanout.cpu)},
	{"messages per second sustained in the burst", 0.97 * burstPace, true, func(_ *Report, ours Result) float64 {
		return median(ours.Fanout["burst"], func(f Fanout) float64 { return fine(f.broken(), f.Pace) })
	}},
	{"publish to receive p99, 10,000 readers, × floor", 1.0, false, overFloor("10000", Fanout.p99)},
	{"resident bytes per idle reader", 400, false, func(_ *Report, ours Result) float64 { return median(ours.Memory, Memory.each) }},
	{"resident bytes per idle reader with a nickname", 1536, false, func(_ *Report, ours Result) float64 { return median(ours.Named, Memory.each) }},
	{"posts/s, 32 clients, × the better gin + go-redis", 1.3, true, overGin(
		func(s Result) float64 { return median(s.Posts["32"], PostRate.perSecond) }, math.Max)},
	{"two instances, p99, × the better gin + go-redis", 1.0, false, overGin(func(s Result) float64 { return median(s.Pair, Fanout.p99) }, math.Min)},
}

// overFloor is a ratio to the floor, run by run.
func overFloor(scene string, value func(Fanout) float64) func(*Report, Result) float64 {
	return func(r *Report, ours Result) float64 { return ratio(ours.Fanout[scene], r.floor().Fanout[scene], value) }
}

// overGin is a ratio to the best of the gin servers.
func overGin(value func(Result) float64, best func(a, b float64) float64) func(*Report, Result) float64 {
	return func(r *Report, ours Result) float64 {
		gin := math.NaN()
		for _, s := range r.Systems {
			if v := value(s); s.Kind == "bare" && !math.IsNaN(v) {
				if math.IsNaN(gin) {
					gin = v
				}
				gin = best(gin, v)
			}
		}
		return value(ours) / gin
	}
}

// targets says what is reached.
func (r *Report) targets() string {
	heads := []string{"", "to reach"}
	var ours []Result
	for _, s := range r.Systems {
		if s.Kind == "ours" && s.Absent == "" {
			ours, heads = append(ours, s), append(heads, s.Name)
		}
	}
	if len(ours) == 0 {
		return ""
	}
	t := newTable(heads...)
	for _, goal := range targets {
		sign := "≤ "
		if goal.least {
			sign = "≥ "
		}
		cells := []string{goal.what, sign + number(goal.limit)}
		for _, s := range ours {
			cells = append(cells, goal.verdict(goal.value(r, s)))
		}
		t.row(cells...)
	}
	for _, s := range ours {
		if behind := r.behind(s); len(behind) > 0 {
			fmt.Fprintf(t, "\n%s is behind: %s.\n", s.Name, strings.Join(behind, "; "))
		}
	}
	return t.String()
}

func (goal target) verdict(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case goal.least && v >= goal.limit, !goal.least && v <= goal.limit:
		return number(v)
	}
	return number(v) + " ✗"
}

// behind is where a rival does better, in CPU per delivery, p99 or bytes per reader.
func (r *Report) behind(ours Result) (all []string) {
	for _, s := range r.Systems {
		if s.Kind != "rival" {
			continue
		}
		compare := func(what string, mine, theirs float64) {
			if theirs < mine { // false if one was not measured
				all = append(all, fmt.Sprintf("%s, %s (%s against %s)", s.Name, what, number(mine), number(theirs)))
			}
		}
		for _, sc := range r.Scenes {
			mine, theirs := ours.Fanout[sc.Key], s.Fanout[sc.Key]
			compare("CPU, "+sc.Key, median(mine, Fanout.cpu), median(theirs, Fanout.cpu))
			compare("p99, "+sc.Key, median(mine, Fanout.p99), median(theirs, Fanout.p99))
		}
		compare("bytes per reader", median(ours.Memory, Memory.each), median(s.Memory, Memory.each))
	}
	return all
}
