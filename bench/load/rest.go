package load

import "time"

// tick is how finely a rest's arrivals are counted.
const tick = 100 * time.Millisecond

// rest reads and answers what comes, for a while, and counts it by the tick.
func (p *process) rest(r Rest) (*Rested, error) {
	rested, cut := &Rested{}, p.cut
	begun := p.now()
	for n := range int(seconds(r.Seconds) / tick) {
		reads := p.reads
		for end := begun + int64(n+1)*int64(tick); p.now() < end; {
			if err := p.poll(time.Duration(end - p.now())); err != nil {
				return nil, err
			}
		}
		rested.Arrivals = append(rested.Arrivals, p.reads-reads)
	}
	rested.Cut = p.cut - cut
	return rested, nil
}
