package sse

import (
	"math"

	"golang.org/x/sys/unix"
)

// streamLimit is how many streams the process's limit of open files allows: as
// many as leave descriptors for Redis, listeners, and the connections of pages
// and posts. Past it a new stream hears a bye, where one more accepted socket
// could not even be answered. 0 is no limit.
func streamLimit() int {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return 0
	}
	return streamsOf(files.Cur)
}

// streamsOf is the streams that a limit of open files allows.
func streamsOf(files uint64) int {
	if files > math.MaxInt32 { // unlimited
		return 0
	}
	n := int(files)
	return max(n/2, n-max(256, n/32))
}
