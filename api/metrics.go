package api

import (
	"github.com/prometheus/client_golang/prometheus"

	"causette/store"
)

// metrics are the counters that only this package can count; streams have theirs
// in package sse, Redis in package store.
type metrics struct {
	posts           *prometheus.CounterVec
	requestUnits    prometheus.Counter
	requestsRefused prometheus.Counter
}

func newMetrics(registry prometheus.Registerer) *metrics {
	m := &metrics{
		posts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "causette_posts_total",
			Help: "Messages posted, by result: accepted, duplicate, or the code of the problem.",
		}, []string{"result"}),
		requestUnits: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "causette_request_units_total",
			Help: "Units that requests were charged for, granted or refused.",
		}),
		requestsRefused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "causette_requests_refused_total",
			Help: "Requests refused because their address was past its budget.",
		}),
	}
	registry.MustRegister(m.posts, m.requestUnits, m.requestsRefused)
	return m
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
