package sse

import "math"

const (
	// mostOthers is how many connections that are no streams are of use to anybody.
	mostOthers = 4096
	// ownFiles is how many descriptors are kept for Redis, listeners and the like.
	ownFiles = 96
)

// OtherConnections is how many connections that are no streams a process should
// have at once beside maxStreams of them (0 as in [Options]): what is of use, as far
// as the limit of open files allows.
func OtherConnections(maxStreams int) int { return othersOf(fileLimit(), maxStreams) }

// othersOf is OtherConnections with a limit of files.
func othersOf(files uint64, maxStreams int) int {
	if files > math.MaxInt32 {
		return mostOthers
	}
	if maxStreams <= 0 {
		maxStreams = streamsOf(files)
	}
	return min(mostOthers, max(16, int(files)-maxStreams-ownFiles))
}

// streamsOf is the streams that a limit of open files allows.
func streamsOf(files uint64) int {
	if files > math.MaxInt32 { // unlimited
		return 0
	}
	n := int(files)
	return max(n/2, n-max(256, n/32))
}
