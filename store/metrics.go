package store

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what the store does. It is a [prometheus.Collector] through
// [Store.Collector].
type metrics struct {
	posts       *prometheus.CounterVec // by result
	fills       *prometheus.CounterVec // by cause
	reconnects  prometheus.Counter
	unavailable prometheus.Counter

	sharedAnswers, sharedReads *prometheus.CounterVec // by what
}

func newMetrics() *metrics {
	return &metrics{
		posts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "causette_appends_total", Help: "Messages handed to Redis, by result.",
		}, []string{"result"}),
		fills: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "causette_feed_fills_total", Help: "Reads of a room's log by the feed, by cause.",
		}, []string{"cause"}),
		reconnects: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "causette_feed_connections_total", Help: "Feed connections made.",
		}),
		unavailable: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "causette_redis_errors_total", Help: "Calls that Redis did not answer in time, or could not.",
		}),
		sharedAnswers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "causette_shared_answers_total", Help: "Answers from reads that requests share, by what was read.",
		}, []string{"of"}),
		sharedReads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "causette_shared_reads_total", Help: "The reads of Redis that it took for them.",
		}, []string{"of"}),
	}
}

// Collector is what to register with Prometheus: Redis up and full, appends by result,
// feed connections and fills, unanswered calls, reads that are shared.
func (s *Store) Collector() prometheus.Collector { return collector{s} }

type collector struct{ s *Store }

var (
	upDesc   = prometheus.NewDesc("causette_redis_up", "Whether Redis answers.", nil, nil)
	fullDesc = prometheus.NewDesc("causette_redis_full", "Whether Redis answers, but takes no writes: its memory is used up.", nil, nil)
)

func (c collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

func (c collector) Collect(ch chan<- prometheus.Metric) {
	up := 0.0
	if c.s.Up() {
		up = 1
	}
	full := 0.0
	if isFull(c.s.Ready()) {
		full = 1
	}
	ch <- prometheus.MustNewConstMetric(upDesc, prometheus.GaugeValue, up)
	ch <- prometheus.MustNewConstMetric(fullDesc, prometheus.GaugeValue, full)
	m := c.s.metrics
	for _, each := range []prometheus.Collector{m.posts, m.fills, m.reconnects, m.unavailable, m.sharedAnswers, m.sharedReads} {
		each.Collect(ch)
	}
}
