package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// What a siege is held to.
const (
	siegeSlower = 4.0 // times the p99 of posts without the attack
	siegeLine   = 8 << 10
	// redisSlack is how far Redis may be above maxmemory: it looks before each command,
	// and not at what that one takes.
	redisSlack = 2 << 20
	// siegeBusy is a p99 without attack that tells of a machine with other things to do.
	siegeBusy   = 50 * time.Millisecond
	siegeOthers = 0.1 // of the machine's processors, for what does not belong to it
	// siegeSamples is how many posts make a p99.
	siegeSamples = 400
)

// siegePart is a part of a siege, and how long the posts took that were due in it.
type siegePart struct {
	from, to time.Time
	took     []time.Duration
}

func (p *siegePart) begin()               { p.from = time.Now() }
func (p *siegePart) end()                 { p.to = time.Now() }
func (p siegePart) has(at time.Time) bool { return !at.Before(p.from) && at.Before(p.to) }

// p99 is the time within which 99 of 100 posts were accepted; 0 without any.
func (p siegePart) p99() time.Duration {
	if len(p.took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(p.took))
	return sorted[int(math.Ceil(0.99*float64(len(sorted))))-1]
}

// siegeResult is what a siege showed.
type siegeResult struct {
	result
	attack      attack
	calm, under siegePart
	refused     map[string]int // posts of the honest, by the reason
	came        int
	turnedAway  map[string]int // newcomers, by the reason
	cuts        int            // streams of the honest that ended
	resident    int64          // the peak of an instance, bytes
	redis       int64          // the peak, bytes
	looks       int            // at /readyz
	unready     map[string]int // by the reason
	logged      int64          // bytes, during the attack
	longestLine int            // of the log, bytes
	got         tally          // of the attacker
	others      float64        // the share of the machine's processors that others had
}

// slower is how many times as long posts took under attack, at the p99.
func (r siegeResult) slower() float64 {
	if r.calm.p99() == 0 || r.under.p99() == 0 {
		return math.Inf(1)
	}
	return float64(r.under.p99()) / float64(r.calm.p99())
}

// kept reports whether the attack took nothing from the honest and went past no bound.
func (r siegeResult) kept() bool { return len(r.broken()) == 0 }

// broken is what was not kept.
func (r siegeResult) broken() (list []string) {
	say := func(isSo bool, what string) {
		if isSo {
			list = append(list, what)
		}
	}
	say(r.err != nil, "the row came to no end")
	say(r.slower() > siegeSlower, "posts slower")
	say(sum(r.refused) > 0, "posts refused")
	say(sum(r.turnedAway) > 0, "newcomers turned away")
	say(r.cuts > 0, "streams cut")
	say(r.wrong() > 0, "streams wrong")
	say(r.resident > memoryBudget || r.resident == 0, "memory")
	say(r.redis > r.attack.redisLimit()+redisSlack || r.redis == 0, "Redis's memory")
	say(sum(r.unready) > 0, "not ready")
	say(r.longestLine > siegeLine, "a log line")
	return list
}

// wrong is how many messages readers were not shown as they should have been.
func (r siegeResult) wrong() int {
	return r.sum.lost + r.sum.doubled + r.sum.disordered + r.reused + r.sum.gaps
}

const siegeHead = `| one address | posts, p99: calm | under attack | × | posts refused | newcomers turned away | ` +
	`streams cut | lost, doubled, out of order | resident, peak | Redis, peak | not ready | logged | what it got | |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|---|
`

// writeSiegeTable prints the results as Markdown.
func writeSiegeTable(out io.Writer, results []siegeResult) {
	fmt.Fprint(out, siegeHead)
	for _, r := range results {
		fmt.Fprintln(out, r.row())
	}
}

// row is one line of the table.
func (r siegeResult) row() string {
	var notes []string
	if broken := r.broken(); len(broken) > 0 {
		notes = append(notes, "**not kept**: "+strings.Join(broken, ", "))
	}
	if r.calm.p99() > siegeBusy || r.others > siegeOthers {
		notes = append(notes, fmt.Sprintf("the machine was busy: %.0f %% of it with other things", 100*r.others))
	}
	if least := min(len(r.calm.took), len(r.under.took)); least < siegeSamples {
		notes = append(notes, fmt.Sprintf("only %d posts", least))
	}
	mib := func(n int64) int64 { return (n + 1<<20 - 1) >> 20 }
	seconds := max(r.under.to.Sub(r.under.from).Seconds(), 0.001)
	cells := []string{
		r.attack.what, milliseconds(r.calm.p99()), milliseconds(r.under.p99()), fmt.Sprintf("%.1f", r.slower()),
		counted(r.refused, r.accepted), counted(r.turnedAway, r.came), fmt.Sprint(r.cuts), fmt.Sprint(r.wrong()),
		fmt.Sprintf("%d of %d MiB", mib(r.resident), mib(memoryBudget)),
		fmt.Sprintf("%d of %d MiB", mib(r.redis), mib(r.attack.redisLimit())), counted(r.unready, r.looks),
		fmt.Sprintf("%.0f KiB/s", float64(r.logged)/1024/seconds), r.got.String(), strings.Join(notes, "; "),
	}
	return "| " + strings.Join(cells, " | ") + " |"
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// counted is how many of all, and why.
func counted(counts map[string]int, all int) string {
	if sum(counts) == 0 {
		return "0"
	}
	var reasons []string
	for _, why := range slices.Sorted(maps.Keys(counts)) {
		reasons = append(reasons, fmt.Sprintf("%s × %d", why, counts[why]))
	}
	return fmt.Sprintf("%d of %d (%s)", sum(counts), all, strings.Join(reasons, ", "))
}
