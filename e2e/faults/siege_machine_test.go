package main

import (
	"runtime"
	"testing"
	"time"
)

func TestUsedByAll_IsWhatWasNotIdle(t *testing.T) {
	used, err := usedByAll("cpu  100 20 30 5000 7 0 9 50 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
	if err != nil || used != 2*time.Second {
		t.Errorf("%s, %v; want 200 ticks", used, err)
	}
	for _, text := range []string{"", "cpu 1 2 3\n", "intr 1 2 3 4 5 6 7 8 9\n", "cpu a b c d e f g h i\n"} {
		if used, err := usedByAll(text); err == nil {
			t.Errorf("%q is %s", text, used)
		}
	}
}

func TestMachineUse_OthersHadWhatTheSiegeHadNot(t *testing.T) {
	begun := time.Now()
	before := machineUse{at: begun, all: 10 * time.Second, siege: 4 * time.Second}
	cores := time.Duration(runtime.NumCPU())
	after := machineUse{at: begun.Add(10 * time.Second), all: 10*time.Second + 8*cores*time.Second, siege: 4*time.Second + 5*cores*time.Second}
	if got := after.others(before); got < 0.299 || got > 0.301 {
		t.Errorf("others had %.3f of it, want 0.3", got)
	}
	if got := before.others(before); got != 0 {
		t.Errorf("others had %.3f in no time", got)
	}
}
