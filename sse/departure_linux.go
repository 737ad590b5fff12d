package sse

import (
	"math/rand/v2"
	"time"
)

// departure is the order in which a loop's readers leave while the hub drains:
// a random one, at an even pace. Owned by its loop.
type departure struct {
	begun  time.Time
	over   time.Duration
	ticker *time.Ticker
	order  []*reader
	done   int
}

func newDeparture(over time.Duration, table []*reader) *departure {
	d := &departure{begun: time.Now(), over: over, ticker: time.NewTicker(max(over/128, time.Millisecond))}
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

// add takes in a reader that was on its way when the drain began.
func (d *departure) add(r *reader) { d.order = append(d.order, r) }

// depart says bye to those whose moment has come.
func (l *loop) depart() {
	d := l.leave
	due := int(int64(len(d.order)) * int64(min(time.Since(d.begun), d.over)) / int64(d.over))
	for ; d.done < due; d.done++ {
		if r := d.order[d.done]; !r.gone {
			l.end(r, drain)
		}
	}
}
