package sse

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
)

// origin is an address, with the streams that come from there. Of an address
// that nobody limits there is none.
type origin struct {
	address string       // static
	streams int          // guarded by Hub.mu
	held    atomic.Int64 // bytes of the budget that they hold
}

// admit counts a stream in, or says why it cannot come. Each admitted stream is
// counted out with dismiss.
func (h *Hub) admit(address string) (*origin, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.isDraining():
		return nil, drain
	case h.o.MaxStreams > 0 && h.streams >= h.o.MaxStreams:
		return nil, full
	}
	from := h.origins[address]
	switch {
	case h.o.MaxStreamsPerAddress <= 0 || address == "":
	case from == nil:
		from = &origin{address: strings.Clone(address)} // of what may be a piece of a header
		h.origins[from.address] = from
	case from.streams >= h.o.MaxStreamsPerAddress:
		return nil, full
	}
	if from != nil {
		from.streams++
	}
	h.streams++
	h.o.Metrics.streams.Inc()
	h.after.stir()
	return from, nil
}

// dismiss counts out a stream that admit counted in.
func (h *Hub) dismiss(from *origin) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if from != nil {
		if from.streams--; from.streams == 0 {
			delete(h.origins, from.address)
		}
	}
	h.streams--
	h.o.Metrics.streams.Dec()
	h.after.stir()
	if h.streams == 0 && h.idle != nil {
		close(h.idle)
		h.idle = nil
	}
}

// Refuse answers a stream that somebody else decided to turn away: 200 and a bye
// that says full, for an EventSource to come back later.
func (h *Hub) Refuse(w http.ResponseWriter, r *http.Request) {
	h.sayBye(newWriter(w, r, h.o), full)
}

// sayFull logs that streams are refused, now and then.
func (h *Hub) sayFull(err error, address string) {
	if !errors.Is(err, full) || !h.full.comes() {
		return
	}
	h.o.Log.Warn("streams refused: there are as many as may be",
		"limit", h.o.MaxStreams, "per_address", h.o.MaxStreamsPerAddress, "address", address)
}
