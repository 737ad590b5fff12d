package main

import (
	"github.com/KimMachineGun/automemlimit/memlimit"
	"golang.org/x/sys/unix"
)

// processLimit is the lowest of the limits that the process has on its memory.
func processLimit() (uint64, error) {
	least := uint64(unix.RLIM_INFINITY)
	for _, resource := range []int{unix.RLIMIT_AS, unix.RLIMIT_DATA} {
		var limit unix.Rlimit
		if err := unix.Getrlimit(resource, &limit); err == nil {
			least = min(least, limit.Cur)
		}
	}
	if least == unix.RLIM_INFINITY {
		return 0, memlimit.ErrNoLimit
	}
	return least, nil
}
