package conns

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// reason is why a connection was closed to make room.
type reason string

const (
	reasonIdle     reason = "idle"     // between two requests, for another one of its owner
	reasonShare    reason = "share"    // its owner had the most, and more than its share
	reasonStale    reason = "stale"    // it made no progress for its grace
	reasonWaited   reason = "waited"   // it waited for a place for too long
	reasonOverflow reason = "overflow" // too many waited
)

// closedCounter registers the metrics of a limiter and returns the one that is
// counted by hand. A nil registerer leaves them unregistered.
//
//	causette_connections                connections that are no streams now, by
//	                                    state: active, waiting
//	causette_connections_closed_total   those closed to make room, by reason:
//	                                    idle, share, stale, waited, overflow
func closedCounter(reg prometheus.Registerer, l *Limiter) *prometheus.CounterVec {
	f := promauto.With(reg)
	for name, count := range map[string]func() int{
		"active":  func() int { return l.active },
		"waiting": func() int { return l.waiting.Len() },
	} {
		f.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "causette_connections", Help: "Connections that are no streams, now, by state.",
			ConstLabels: prometheus.Labels{"state": name},
		}, func() float64 {
			l.mu.Lock()
			defer l.mu.Unlock()
			return float64(count())
		})
	}
	closed := f.NewCounterVec(prometheus.CounterOpts{
		Name: "causette_connections_closed_total", Help: "Connections closed to make room, by reason.",
	}, []string{"reason"})
	for _, why := range []reason{reasonIdle, reasonShare, reasonStale, reasonWaited, reasonOverflow} {
		closed.WithLabelValues(string(why))
	}
	return closed
}
