package sse

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Bounds of a budget that nobody sized, in bytes.
const (
	minMemory     = 8 << 20
	defaultMemory = 256 << 20
)

// budget is the memory of a hub that grows with what its rooms say and what
// their readers ask for. Each use has a share of its own, so that none starves
// another. Safe for concurrent use.
type budget struct {
	tails   share // the ends of the rooms that are open: half of it
	pages   share // pages of the log, from the question until the last holder lets go: a quarter
	readers share // what readers that catch up hold while their sockets are full: a quarter

	others    origin       // the streams whose address is not counted
	borrowers atomic.Int64 // addresses that hold some of readers
}

func newBudget(limit int64, m *Metrics) *budget {
	limit = max(limit, minMemory)
	m.memoryLimit.Set(float64(limit))
	b := new(budget)
	for _, s := range []struct {
		*share
		of    string
		limit int64
	}{{&b.tails, "tails", limit / 2}, {&b.pages, "pages", limit / 4}, {&b.readers, "readers", limit / 4}} {
		s.share.limit, s.gauge = s.limit, m.memory.WithLabelValues(s.of)
	}
	return b
}

// share is a part of the budget.
type share struct {
	// Static after construction.
	limit int64
	gauge prometheus.Gauge

	used atomic.Int64 // bytes
}

// add counts n bytes in, or out where n is negative, whatever the limit. It
// returns how many are used then.
func (s *share) add(n int64) (used int64) {
	s.gauge.Add(float64(n))
	return s.used.Add(n)
}

// over reports whether n bytes more would be too many.
func (s *share) over(n int64) bool { return s.used.Load()+n > s.limit }

// lend counts n bytes in for a stream from an address, and reports whether it may
// have them. Where there are no more, an address with more than its part of them
// gets none: so the heaviest pays first, and whoever has little is served beside
// it. Together they have twice the limit at most.
func (b *budget) lend(to *origin, n int64) bool {
	if n == 0 {
		return true
	}
	to = b.owner(to)
	if b.readers.over(n) && (to.held.Load()+n)*max(1, b.borrowers.Load()) > b.readers.limit {
		return false
	}
	b.readers.add(n)
	if to.held.Add(n) == n {
		b.borrowers.Add(1)
	}
	return true
}

// settle takes back what lend gave.
func (b *budget) settle(from *origin, n int64) {
	if n == 0 {
		return
	}
	b.readers.add(-n)
	if b.owner(from).held.Add(-n) == 0 {
		b.borrowers.Add(-1)
	}
}

// owner is who pays for a stream: its address, or all together that have none.
func (b *budget) owner(from *origin) *origin {
	if from == nil {
		return &b.others
	}
	return from
}
