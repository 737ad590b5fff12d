package sse

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// observed is how often a histogram was fed, and with how much in all.
func observed(t *testing.T, h prometheus.Histogram) (n uint64, sum float64) {
	t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(h)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := families[0].GetMetric()[0].GetHistogram()
	return got.GetSampleCount(), got.GetSampleSum()
}

func TestMetrics_AreRegisteredUnderTheirNamesFromTheStart(t *testing.T) {
	reg := prometheus.NewRegistry()
	NewMetrics(reg)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range families {
		var name strings.Builder
		name.WriteString(f.GetName())
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				name.WriteString(" " + l.GetValue())
			}
		}
		got = append(got, name.String())
	}
	want := "causette_bytes_total, causette_closes_total drain error full hangup replaced slow, causette_events_total, " +
		"causette_memory_bytes pages readers tails, causette_memory_limit_bytes, " +
		"causette_post_to_write_seconds, causette_resumes_total fresh gap resumed, causette_streams"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}
