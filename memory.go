package main

import (
	"math"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// Bounds of the memory budget, in bytes. More than a GiB is of use to nobody: the
// log is in Redis, and what is kept here is what many read at once.
const (
	leastBudget = 8 << 20
	mostBudget  = 1 << 30
	unknown     = 1 << 30 // what a process is thought to have where nobody says
)

// process is the memory that this process may use, and who said so.
type process struct {
	bytes int64
	from  string // GOMEMLIMIT, cgroup, rlimit, machine, nobody
}

// memoryOfProcess asks, in this order: who started the process (GOMEMLIMIT), its
// container, its limits, its machine.
func memoryOfProcess() process {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return process{limit, "GOMEMLIMIT"}
	}
	found := process{unknown, "nobody"}
	for _, s := range []struct {
		from string
		ask  memlimit.Provider
	}{{"machine", memlimit.FromSystem}, {"rlimit", processLimit}, {"cgroup", memlimit.FromCgroup}} {
		limit, err := s.ask()
		if err != nil || limit == 0 || limit > math.MaxInt64 {
			continue // there is none
		}
		if n := int64(limit); found.from == "nobody" || n < found.bytes {
			found = process{n, s.from}
		}
	}
	return found
}

// budget is what of it is for tails, pages and readers that catch up: a quarter.
// The rest is for connections, requests and what a collection finds.
func (p process) budget() int64 {
	return min(max(p.bytes/4, leastBudget), mostBudget)
}

// obey has the runtime collect more often before the process meets a limit that
// would end it: a container's, or its own. GOMEMLIMIT is obeyed already.
func (p process) obey() {
	if p.from == "cgroup" || p.from == "rlimit" {
		debug.SetMemoryLimit(p.bytes / 10 * 9)
	}
}
