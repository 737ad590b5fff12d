package sse

import (
	"math"
	"runtime"
)

const (
	// mostOthers is how many connections that are no streams are of use to anybody
	// at once.
	mostOthers = 4096
	// leastOthers is how many there are in any case, whatever MaxStreams says.
	leastOthers = 64
	// ownFiles is how many descriptors are kept for listeners, pub/sub, what is read
	// and written, and sockets while they go over to the poller.
	ownFiles = 96
	// ownFilesPerProcessor is how many more each processor takes: go-redis's pool has
	// ten connections for each, a loop has three descriptors.
	ownFilesPerProcessor = 16
)

// fileBudget is how a process's descriptors are shared out: streams, connections
// that are no streams, and its own.
type fileBudget struct {
	limit int // 0 is no limit
	own   int
}

// processFiles is the budget of this process.
func processFiles() fileBudget {
	b := fileBudget{own: ownFiles + ownFilesPerProcessor*runtime.GOMAXPROCS(0)}
	if limit := fileLimit(); limit <= math.MaxInt32 {
		b.limit = int(limit)
	}
	return b
}

// streams is how many streams there may be where given are asked for: as many as
// leave descriptors for the rest, since past the limit one more accepted socket could
// not even be answered. 0 asks for all that fit. The answer 0 is no limit.
func (b fileBudget) streams(given int) int {
	switch {
	case b.limit == 0:
		return max(0, given)
	case given <= 0:
		return max(b.limit/2, b.limit-max(256, b.limit/32, b.own+2*leastOthers))
	default:
		return min(given, max(b.limit/2, b.limit-b.own-leastOthers))
	}
}

// others is how many connections that are no streams may be active beside given
// streams. A quarter of the descriptors for them is left to those that wait.
func (b fileBudget) others(given int) int {
	if b.limit == 0 {
		return mostOthers
	}
	left := b.limit - b.own - b.streams(given)
	return min(mostOthers, max(16, left-left/4))
}

// spare is how many descriptors connections that are no streams may have beside the
// streams that there are.
func (b fileBudget) spare(streams int) int {
	if b.limit == 0 {
		return math.MaxInt32
	}
	return max(0, b.limit-b.own-streams)
}

// OtherConnections is how many connections that are no streams a process should
// have active at once beside maxStreams of them (0 as in [Options]): what is of use,
// as far as the limit of open files allows.
func OtherConnections(maxStreams int) int { return processFiles().others(maxStreams) }

// SpareFiles is how many descriptors connections that are no streams, active and
// waiting ones together, may have now: what present streams do not take.
func (h *Hub) SpareFiles() int {
	h.mu.Lock()
	streams := h.streams
	h.mu.Unlock()
	return h.files.spare(streams)
}
