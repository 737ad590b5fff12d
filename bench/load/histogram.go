package load

import (
	"math"
	"math/bits"
	"time"
)

// subBuckets is how many buckets each power of two has: values are kept to
// better than 1 %.
const subBuckets = 128

// Histogram counts delays, in µs, in buckets that grow with them. The zero
// Histogram is empty. It is small in JSON, and two can be added.
type Histogram struct {
	// Counts has the number of delays in each bucket, up to the last that has any.
	Counts []uint64 `json:"counts"`
}

// Add counts a delay; a negative one, from clocks that disagree, counts as 0.
func (h *Histogram) Add(d time.Duration) {
	h.add(bucketOf(uint64(max(0, d.Microseconds()))), 1)
}

// Merge adds the counts of another.
func (h *Histogram) Merge(other Histogram) {
	for bucket, n := range other.Counts {
		h.add(bucket, n)
	}
}

func (h *Histogram) add(bucket int, n uint64) {
	if missing := bucket + 1 - len(h.Counts); missing > 0 {
		h.Counts = append(h.Counts, make([]uint64, missing)...)
	}
	h.Counts[bucket] += n
}

// Total is how many delays were counted.
func (h *Histogram) Total() uint64 {
	var total uint64
	for _, n := range h.Counts {
		total += n
	}
	return total
}

// Quantile is the delay that the share q of all did not exceed; 0 of none.
func (h *Histogram) Quantile(q float64) time.Duration {
	left := uint64(math.Ceil(q * float64(h.Total())))
	for bucket, n := range h.Counts {
		if n > 0 && n >= left {
			return time.Duration(middle(bucket)) * time.Microsecond
		}
		left -= min(n, left)
	}
	return 0
}

// bucketOf is exact below 2*subBuckets, then keeps the 8 leading bits.
func bucketOf(v uint64) int {
	shift := max(0, bits.Len64(v)-8)
	return shift*subBuckets + int(v>>shift)
}

// middle is the value in the middle of a bucket.
func middle(bucket int) uint64 {
	if bucket < 2*subBuckets {
		return uint64(bucket)
	}
	shift := bucket/subBuckets - 1
	low := uint64(bucket-shift*subBuckets) << shift
	return low + 1<<shift/2
}
