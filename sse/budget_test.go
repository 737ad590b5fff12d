package sse

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestBudget_TheHeaviestPaysFirstAndNobodyElse(t *testing.T) {
	b := newBudget(0, NewMetrics(nil))
	const piece = 8 << 10
	heavy, light, nobody := new(origin), new(origin), (*origin)(nil)
	if !b.lend(light, 0) || b.borrowers.Load() != 0 {
		t.Error("nothing is something")
	}
	if !b.lend(light, piece) {
		t.Fatal("nothing is lent")
	}
	lent := int64(0)
	for ; b.lend(heavy, piece); lent += piece {
		if lent > 2*b.readers.limit {
			t.Fatal("one gets it all")
		}
	}
	if lent < b.readers.limit/2 {
		t.Errorf("one beside whom there is little gets %d of %d bytes", lent, b.readers.limit)
	}
	for _, o := range []*origin{light, nobody} {
		if !b.lend(o, piece) {
			t.Error("others pay for the heaviest")
		}
	}
	if b.lend(heavy, piece) {
		t.Error("the heaviest gets more")
	}
	b.settle(heavy, lent)
	b.settle(light, 2*piece)
	b.settle(nobody, piece)
	if used, n := b.readers.used.Load(), b.borrowers.Load(); used != 0 || n != 0 {
		t.Errorf("%d bytes of %d addresses are left", used, n)
	}
}

func TestBudget_IsShown(t *testing.T) {
	m := NewMetrics(nil)
	b := newBudget(100<<20, m)
	b.pages.add(300)
	b.pages.add(-100)
	if got := testutil.ToFloat64(m.memory.WithLabelValues("pages")); got != 200 {
		t.Errorf("%v bytes of pages", got)
	}
	if got := testutil.ToFloat64(m.memoryLimit); got != 100<<20 {
		t.Errorf("a limit of %v", got)
	}
}
