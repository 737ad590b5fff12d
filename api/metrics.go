package api

import (
	"github.com/prometheus/client_golang/prometheus"

	"causette/store"
)

// metrics are the counters that only this package can count; streams have theirs
// in package sse, Redis in package store.
type metrics struct {
	posts           *prometheus.CounterVec
	busy            *prometheus.CounterVec
	requestUnits    prometheus.Counter
	requestsRefused prometheus.Counter
}

func newMetrics(registry prometheus.Registerer) *metrics {
	m := &metrics{
		posts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "causette_posts_total",
			Help: "Messages posted, by result: accepted, duplicate, or the code of the problem.",
		}, []string{"result"}),
		busy: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "causette_reads_busy_total",
			Help: "Reads answered 503 busy, by what there was too much of: " +
				"turn (too many wait), unread (answers that are not read), pace (bytes to one address).",
		}, []string{"of"}),
		requestUnits: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "causette_request_units_total",
			Help: "Units that requests were charged for, granted or refused.",
		}),
		requestsRefused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "causette_requests_refused_total",
			Help: "Requests refused because their address was past its budget.",
		}),
	}
	registry.MustRegister(m.posts, m.busy, m.requestUnits, m.requestsRefused)
	return m
}

// watch shows what reads hold at the moment.
func (r *reads) watch(registry prometheus.Registerer) {
	gauge := func(name, help string, value func() int) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value()) }))
	}
	gauge("causette_reads_waiting", "Reads that wait for their turn.", r.turns.waiters)
	gauge("causette_unread_bytes", "Bytes of answers that are being written.", r.unread.bytes)
}

// posted counts a message that was posted.
func (m *metrics) posted(receipt store.Receipt, err error) {
	result := "accepted"
	switch {
	case err != nil:
		result = asProblem(err).Code // a fixed set, so the label stays bounded
	case receipt.Duplicate:
		result = "duplicate"
	}
	m.posts.WithLabelValues(result).Inc()
}
