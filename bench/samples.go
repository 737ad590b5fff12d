package main

import (
	"math"
	"slices"

	"causette/bench/load"
)

// Report is the results of a comparison, as it stands in JSON: every sample of
// every run, so that others can make their own medians of it.
type Report struct {
	Header
	Runs    int      `json:"runs"`
	Scenes  []Scene  `json:"scenes"`
	Systems []Result `json:"systems"`
}

// Result is what was measured of one system: a list has one sample per run.
type Result struct {
	Key    string                `json:"key"`
	Name   string                `json:"name"`
	Kind   string                `json:"kind"`
	Stores bool                  `json:"stores"`
	Absent string                `json:"absent,omitempty"`
	Fanout map[string][]Fanout   `json:"fanout,omitempty"` // by scene
	Pair   []Fanout              `json:"pair,omitempty"`
	Memory []Memory              `json:"memory,omitempty"`
	Posts  map[string][]PostRate `json:"posts,omitempty"` // by number of clients
	// Named and NamedPosts are of people with a session and a nickname each.
	Named      []Memory              `json:"named,omitempty"`
	NamedPosts map[string][]PostRate `json:"named_posts,omitempty"`
}

// Fanout is one run of one scene. Times are in ms, CPU in µs per delivery.
type Fanout struct {
	CPU        float64 `json:"cpu"`
	Redis      float64 `json:"redis"`
	P50        float64 `json:"p50"`
	P99        float64 `json:"p99"`
	P999       float64 `json:"p999"`
	PerSecond  float64 `json:"per_second"` // deliveries
	Pace       float64 `json:"pace"`       // messages per second, as published
	Expected   int     `json:"expected"`   // deliveries
	Lost       int     `json:"lost"`
	Doubled    int     `json:"doubled"`
	Disordered int     `json:"disordered"`
	Cut        int     `json:"cut"`     // readers that the server hung up on
	Wire       float64 `json:"wire"`    // bytes per delivery
	Busy       float64 `json:"busy"`    // share of a core that the load generator used
	Trouble    string  `json:"trouble"` // the first thing that went wrong
}

// Memory is what connected readers cost.
type Memory struct {
	Readers   int     `json:"readers"`
	Each      float64 `json:"each"`       // resident bytes per reader
	Whole     int64   `json:"whole"`      // resident bytes of the server, with them
	PerSecond float64 `json:"per_second"` // readers let in
	Connect   float64 `json:"connect"`    // µs of the server's CPU for each
	// Allocated is the bytes that the server asked for, for each; 0 if it does not say.
	Allocated float64 `json:"allocated,omitempty"`
	Trouble   string  `json:"trouble"`
}

// PostRate is one run of clients who post as fast as they are answered. CPU is in
// µs per post, times are in ms.
type PostRate struct {
	PerSecond float64 `json:"per_second"`
	CPU       float64 `json:"cpu"`
	Redis     float64 `json:"redis"`
	P50       float64 `json:"p50"`
	P99       float64 `json:"p99"`
	Refused   int     `json:"refused"`
	Busy      float64 `json:"busy"`
	Trouble   string  `json:"trouble"`
}

// median of what a sample has; NaN of none.
func median[T any](samples []T, value func(T) float64) float64 {
	var values []float64
	for _, s := range samples {
		if v := value(s); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// ratio is the median of each run's value by the same run's of another system:
// what both had to suffer falls out.
func ratio[T any](samples, others []T, value func(T) float64) float64 {
	var ratios []float64
	for i := range min(len(samples), len(others)) {
		ratios = append(ratios, value(samples[i])/value(others[i]))
	}
	return median(ratios, func(r float64) float64 { return r })
}

func total[T any](samples []T, value func(T) int) (sum int) {
	for _, s := range samples {
		sum += value(s)
	}
	return sum
}

// milliseconds of a quantile.
func milliseconds(h load.Histogram, q float64) float64 {
	return float64(h.Quantile(q).Microseconds()) / 1000
}
