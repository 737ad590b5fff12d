package sse

import (
	"math"

	"golang.org/x/sys/unix"
)

// fileLimit is how many files the process may have open.
func fileLimit() uint64 {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return math.MaxUint64
	}
	return files.Cur
}
