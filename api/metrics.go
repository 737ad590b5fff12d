package api

import (
	"github.com/prometheus/client_golang/prometheus"

	"causette/store"
)

// metrics are the counters that only this package can count; streams have theirs
// in package sse, Redis in package store.
type metrics struct {
	posts *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer) *metrics {
	m := &metrics{posts: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "causette_posts_total",
		Help: "Messages posted, by result: accepted, duplicate, or the code of the problem.",
	}, []string{"result"})}
	registry.MustRegister(m.posts)
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
