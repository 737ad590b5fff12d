package sse

import (
	"testing"
	"time"
)

func TestDeparture_IsEvenAndOneAloneHasARandomMoment(t *testing.T) {
	table := make([]*reader, 101)
	for i := range 100 {
		table[i] = new(reader)
	}
	d := newDeparture(10*time.Second, table)
	defer d.stop()
	for s := range 10 {
		if n := d.leaving(d.begun.Add(time.Duration(s) * time.Second)); n < 10*s || n > 10*s+1 {
			t.Errorf("after %d s %d have left", s, n)
		}
	}
	d.add(new(reader))
	if n := d.leaving(d.begun.Add(10 * time.Second)); n != 101 {
		t.Errorf("in the end %d have left", n)
	}
	early := 0
	for range 200 {
		d := newDeparture(10*time.Second, table[:1])
		d.stop()
		early += d.leaving(d.begun.Add(5 * time.Second))
	}
	if early < 50 || early > 150 {
		t.Errorf("%d of 200 left in the first half", early)
	}
}
