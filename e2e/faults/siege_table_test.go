package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// peaceful is a siege that nobody noticed.
func peaceful() siegeResult {
	took := slices.Repeat([]time.Duration{2 * time.Millisecond}, siegeSamples)
	return siegeResult{
		result: result{accepted: 800}, calm: siegePart{took: took}, under: siegePart{took: took},
		came: 30, looks: 100, resident: 90 << 20, redis: 5 << 20, longestLine: 300,
	}
}

func TestSiegeResult_NamesWhateverWasNotKept(t *testing.T) {
	if r := peaceful(); !r.kept() || strings.Contains(r.row(), "not kept") {
		t.Fatalf("not kept, though nothing is wrong: %s", r.row())
	}
	for _, test := range []struct {
		want string
		harm func(*siegeResult)
	}{
		{"the row came to no end", func(r *siegeResult) { r.err = errors.New("died") }},
		{"posts slower", func(r *siegeResult) {
			r.under.took = slices.Repeat([]time.Duration{9 * time.Millisecond}, siegeSamples)
		}},
		{"posts slower", func(r *siegeResult) { r.under.took = nil }},
		{"posts refused", func(r *siegeResult) { r.refused = map[string]int{"503": 1} }},
		{"newcomers turned away", func(r *siegeResult) { r.turnedAway = map[string]int{"EOF": 1} }},
		{"streams cut", func(r *siegeResult) { r.cuts = 1 }},
		{"streams wrong", func(r *siegeResult) { r.sum.lost = 1 }},
		{"streams wrong", func(r *siegeResult) { r.sum.doubled = 1 }},
		{"streams wrong", func(r *siegeResult) { r.sum.gaps = 1 }},
		{"memory", func(r *siegeResult) { r.resident = memoryBudget + 1 }},
		{"memory", func(r *siegeResult) { r.resident = 0 }},
		{"Redis's memory", func(r *siegeResult) { r.redis = redisMemory + redisSlack + 1 }},
		{"not ready", func(r *siegeResult) { r.unready = map[string]int{"503": 1} }},
		{"a log line", func(r *siegeResult) { r.longestLine = 36 << 10 }},
	} {
		r := peaceful()
		test.harm(&r)
		if got := r.broken(); !slices.Equal(got, []string{test.want}) || !strings.Contains(r.row(), "**not kept**: "+test.want) {
			t.Errorf("broken %v, want %q; %s", got, test.want, r.row())
		}
	}
}

func TestSiegeResult_SaysWhenTheMachineHadOtherThingsToDo(t *testing.T) {
	for _, test := range []struct {
		calm   time.Duration
		others float64
		busy   bool
	}{{2 * time.Millisecond, 0.05, false}, {2 * time.Millisecond, 0.4, true}, {60 * time.Millisecond, 0, true}} {
		r := peaceful()
		r.calm.took, r.others = slices.Repeat([]time.Duration{test.calm}, siegeSamples), test.others
		if got := strings.Contains(r.row(), "busy"); got != test.busy {
			t.Errorf("%+v: busy %t: %s", test, got, r.row())
		}
	}
}

func TestSiegePart_P99IsWhatNinetyNineOfAHundredTookAtMost(t *testing.T) {
	p := siegePart{}
	if p.p99() != 0 {
		t.Error("something of nothing")
	}
	for ms := range 200 {
		p.took = append(p.took, time.Duration(200-ms)*time.Millisecond)
	}
	if got := p.p99(); got != 198*time.Millisecond {
		t.Errorf("p99 of 1…200 ms is %s", got)
	}
}

func TestSiegeTable_HasAsManyCellsInEveryRow(t *testing.T) {
	var out strings.Builder
	r := peaceful()
	r.refused, r.got = map[string]int{"429": 2, "503": 1}, tally{Opened: 3, Broken: 1, Answers: map[string]int64{"429": 7, "200": 5}}
	writeSiegeTable(&out, []siegeResult{peaceful(), r})
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, line := range lines {
		if strings.Count(line, "|") != strings.Count(lines[0], "|") {
			t.Errorf("a row of another width: %s", line)
		}
	}
	for _, want := range []string{"3 of 800 (429 × 2, 503 × 1)", "3 connections, 200 × 5, 429 × 7, 1 broken"} {
		if !strings.Contains(lines[3], want) {
			t.Errorf("no %q in %s", want, lines[3])
		}
	}
}
