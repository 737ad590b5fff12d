package sse

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics counts what the streams of one instance do.
type Metrics struct {
	streams prometheus.Gauge
	events  prometheus.Counter
	bytes   prometheus.Counter
	resumes *prometheus.CounterVec
	closes  *prometheus.CounterVec
	delay   prometheus.Histogram

	memory      *prometheus.GaugeVec
	memoryLimit prometheus.Gauge
}

// NewMetrics makes the metrics of a hub and registers them; it panics if they
// are registered already. A nil registerer leaves them unregistered.
//
//	causette_streams                 streams open now
//	causette_events_total            events that came to rooms open here
//	causette_bytes_total             bytes written to streams
//	causette_resumes_total           hellos, by verdict: fresh, resumed, gap
//	causette_closes_total            streams ended, by reason: hangup, slow, drain, replaced, full, error
//	causette_post_to_write_seconds   from a message's `at` to its write, one
//	                                 observation per live write, or per slice of
//	                                 the poller's: its oldest message
//	causette_memory_bytes            what counts against the memory budget, of tails,
//	                                 pages, readers
//	causette_memory_limit_bytes      the budget
//
// A stream that is refused counts as a close but never as a stream.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	f := promauto.With(reg)
	m := &Metrics{
		streams: f.NewGauge(prometheus.GaugeOpts{
			Name: "causette_streams", Help: "Streams open now."}),
		events: f.NewCounter(prometheus.CounterOpts{
			Name: "causette_events_total", Help: "Events that came to rooms open on this instance."}),
		bytes: f.NewCounter(prometheus.CounterOpts{
			Name: "causette_bytes_total", Help: "Bytes written to streams."}),
		resumes: f.NewCounterVec(prometheus.CounterOpts{
			Name: "causette_resumes_total", Help: "Streams that got their hello, by verdict."}, []string{"verdict"}),
		closes: f.NewCounterVec(prometheus.CounterOpts{
			Name: "causette_closes_total", Help: "Streams ended or refused, by reason."}, []string{"reason"}),
		delay: f.NewHistogram(prometheus.HistogramOpts{
			Name:    "causette_post_to_write_seconds",
			Help:    "From the moment a message was posted to its write to a reader: the oldest message of each live write.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
		memory: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "causette_memory_bytes",
			Help: "Memory that counts against the budget: of the ends of open rooms, of pages of the log, " +
				"of readers that catch up.",
		}, []string{"of"}),
		memoryLimit: f.NewGauge(prometheus.GaugeOpts{
			Name: "causette_memory_limit_bytes", Help: "The budget of causette_memory_bytes, all together."}),
	}
	for _, of := range []string{"tails", "pages", "readers"} {
		m.memory.WithLabelValues(of)
	}
	for _, v := range []verdict{fresh, resumed, gap} {
		m.resumes.WithLabelValues(string(v))
	}
	for _, r := range []reason{hangup, slow, drain, replaced, full, failed} {
		m.closes.WithLabelValues(string(r))
	}
	return m
}

// wrote takes note of a live write whose oldest message was posted at ms of Unix
// time; 0 is no message.
func (m *Metrics) wrote(posted int64) {
	if posted != 0 {
		m.delay.Observe(time.Since(time.UnixMilli(posted)).Seconds())
	}
}
