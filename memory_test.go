package main

import (
	"math"
	"runtime/debug"
	"testing"
)

func TestMemory_TheBudgetIsAQuarterWithinBounds(t *testing.T) {
	for bytes, want := range map[int64]int64{
		16 << 20: leastBudget, 256 << 20: 64 << 20, 700 << 20: 175 << 20, 64 << 30: mostBudget, math.MaxInt64: mostBudget,
	} {
		if got := (process{bytes: bytes}).budget(); got != want {
			t.Errorf("of %d bytes: %d, want %d", bytes, got, want)
		}
	}
}

func TestMemory_IsWhatGOMEMLIMITSays(t *testing.T) {
	was := debug.SetMemoryLimit(300 << 20)
	defer debug.SetMemoryLimit(was)
	if got := memoryOfProcess(); got != (process{300 << 20, "GOMEMLIMIT"}) {
		t.Errorf("it is %+v", got)
	}
	debug.SetMemoryLimit(math.MaxInt64)
	if got := memoryOfProcess(); got.bytes <= 0 || got.from == "GOMEMLIMIT" {
		t.Errorf("without it: %+v", got)
	}
}

func TestMemory_TheRuntimeObeysAContainersLimit(t *testing.T) {
	was := debug.SetMemoryLimit(math.MaxInt64)
	defer debug.SetMemoryLimit(was)
	for _, p := range []process{{100 << 20, "machine"}, {100 << 20, "GOMEMLIMIT"}} {
		p.obey()
		if got := debug.SetMemoryLimit(-1); got != math.MaxInt64 {
			t.Errorf("%+v: %d", p, got)
		}
	}
	process{1 << 30, "cgroup"}.obey()
	if got := debug.SetMemoryLimit(-1); got != (1<<30)/10*9 {
		t.Errorf("of a container: %d", got)
	}
}
