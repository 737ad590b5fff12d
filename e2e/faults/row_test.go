package main

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// seedVariable repeats the random choices of an earlier run.
const seedVariable = "CAUSETTE_E2E_SEED"

func TestRows_ThePromiseIsKeptInTheShortForm(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	if given := os.Getenv(seedVariable); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
	}
	t.Logf("%s=%d", seedVariable, seed)
	l, err := newLab(t.Context(), 0.3, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	if l.browser, err = startChromium(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := chosen("drops,kill,redis-always,redis-nothing,link-cut,pubsub-kill")
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range rows {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			r := l.runRow(t.Context(), h, rowSeed(seed, h.name), 1)
			t.Log(r.row())
			if !r.kept() {
				t.Error(r.explain())
			}
			if r.accepted == 0 || r.sum.shown == 0 {
				t.Error("nothing was written, or nothing read")
			}
		})
	}
}

func TestRowSeed_DependsOnTheRunAndTheRow(t *testing.T) {
	seen := map[uint64]string{}
	for _, h := range harms() {
		for run := range uint64(2) {
			seed := rowSeed(run, h.name)
			if seen[seed] != "" {
				t.Errorf("row %s of run %d makes the choices of %s", h.name, run, seen[seed])
			}
			seen[seed] = h.name
		}
	}
}

func TestChosen_RefusesARowThatThereIsNot(t *testing.T) {
	if rows, err := chosen("kill,nonsense"); err == nil {
		t.Errorf("chose %v", rows)
	}
	names := map[string]bool{}
	for _, h := range harms() {
		if names[h.name] || h.what == "" || h.setup == nil || h.run == nil {
			t.Errorf("row %q: twice, or not whole", h.name)
		}
		names[h.name] = true
	}
}
