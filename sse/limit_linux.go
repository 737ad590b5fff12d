package sse

import (
	"math"

	"golang.org/x/sys/unix"
)

// streamLimit is how many streams the process's limit of open files allows: as
// many as leave descriptors for Redis, listeners, and the connections of pages
// and posts. Past it a new stream hears a bye, where one more accepted socket
// could not even be answered. 0 is no limit.
func streamLimit() int { return streamsOf(fileLimit()) }

// fileLimit is how many files the process may have open.
func fileLimit() uint64 {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return math.MaxUint64
	}
	return files.Cur
}
