package load

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHistogram_QuantilesAreWithinOnePercentOfTheTruth(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h, other Histogram
	var all []time.Duration
	for i := range 20_000 {
		d := time.Duration(random.ExpFloat64()*50_000) * time.Microsecond
		all = append(all, d)
		if i%2 == 0 {
			h.Add(d)
		} else {
			other.Add(d)
		}
	}
	text, err := json.Marshal(other)
	if err != nil {
		t.Fatal(err)
	}
	var back Histogram
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	h.Merge(back)
	slices.Sort(all)
	for _, q := range []float64{0.001, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[max(0, int(q*float64(len(all)))-1)].Microseconds()
		got := h.Quantile(q).Microseconds()
		if diff := got - want; diff < -want/100-2 || diff > want/100+2 {
			t.Errorf("quantile %v: %d µs, want %d", q, got, want)
		}
	}
}

func TestHistogram_OfNothingIsZero(t *testing.T) {
	var h Histogram
	if h.Total() != 0 || h.Quantile(0.99) != 0 {
		t.Fatalf("total %d, p99 %s", h.Total(), h.Quantile(0.99))
	}
}

func TestHistogram_BucketsAreContiguous(t *testing.T) {
	last := -1
	for v := range uint64(100_000) {
		b := bucketOf(v)
		if b != last && b != last+1 {
			t.Fatalf("value %d is in bucket %d, the one before in %d", v, b, last)
		}
		last = b
		if m := middle(b); bucketOf(m) != b {
			t.Fatalf("the middle %d of bucket %d is in bucket %d", m, b, bucketOf(m))
		}
	}
}
