package sse

import (
	"math/rand/v2"
	"time"
)

// departure is the order in which a loop's readers leave while the hub drains:
// a random one, at an even pace that begins anywhere in its first step, so that
// a reader alone has a random moment too. Owned by its loop.
type departure struct {
	begun  time.Time
	over   time.Duration
	phase  float64 // of a step, from 0 to 1
	ticker *time.Ticker
	order  []*reader
	done   int
}

func newDeparture(over time.Duration, table []*reader) *departure {
	d := &departure{
		begun: time.Now(), over: over, phase: rand.Float64(),
		ticker: time.NewTicker(max(over/128, time.Millisecond)),
	}
	for _, r := range table {
		if r != nil {
			d.order = append(d.order, r)
		}
	}
	rand.Shuffle(len(d.order), func(i, j int) { d.order[i], d.order[j] = d.order[j], d.order[i] })
	return d
}

// due ticks while there is a departure.
func (d *departure) due() <-chan time.Time {
	if d == nil {
		return nil
	}
	return d.ticker.C
}

func (d *departure) stop() {
	if d != nil {
		d.ticker.Stop()
	}
}

// add takes in a reader that was on its way when the drain began: the last to
// leave, but within the same time, or at once if that is over.
func (d *departure) add(r *reader) { d.order = append(d.order, r) }

// leaving is how many are to have left by now.
func (d *departure) leaving(now time.Time) int {
	gone := now.Sub(d.begun)
	if gone >= d.over {
		return len(d.order)
	}
	return min(len(d.order), int(float64(len(d.order))*gone.Seconds()/d.over.Seconds()+d.phase))
}

// depart says bye to those whose moment has come.
func (l *loop) depart(now time.Time) {
	d := l.leave
	for due := d.leaving(now); d.done < due; d.done++ {
		if r := d.order[d.done]; !r.gone {
			l.end(r, drain)
		}
		d.order[d.done] = nil
	}
}
