package sse

import "context"

// reason says why a stream ended. It is an error, so that it can travel as one.
type reason string

// The reasons. Of these, drain, slow, full and replaced are told in a bye.
const (
	hangup   reason = "hangup"   // the client went away
	slow     reason = "slow"     // fell off the tail, or a write took too long
	drain    reason = "drain"    // this instance is stopping
	replaced reason = "replaced" // the room's log was lost or went back
	full     reason = "full"     // too many streams
	failed   reason = "error"    // a fault of ours; logged
)

func (r reason) Error() string { return "stream ended: " + string(r) }

// told reports whether the client is told the reason, in a bye.
func (r reason) told() bool { return r == slow || r == drain || r == replaced || r == full }

// Drain refuses new streams, with a bye instead of an error status so that their
// EventSource comes back elsewhere, and sends a bye to each present one at its
// own random moment within the drain time. It returns when all have ended, or
// ctx has. Streams that end from here on don't leave their room's presence.
func (h *Hub) Drain(ctx context.Context) {
	h.mu.Lock()
	h.stopAccepting()
	if h.streams == 0 {
		h.mu.Unlock()
		return
	}
	if h.idle == nil {
		h.idle = make(chan struct{})
	}
	idle := h.idle
	h.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

func (h *Hub) isDraining() bool {
	select {
	case <-h.draining:
		return true
	default:
		return false
	}
}

// stopAccepting begins the drain, once. Called with mu held.
func (h *Hub) stopAccepting() {
	if !h.isDraining() {
		close(h.draining)
	}
}
