package sse

import (
	"container/list"
	"context"
	"slices"
	"sync"
)

// library is the pages of all rooms' logs that readers behind their tail are on
// their way through. They count against the budget from the question on, whoever
// holds them. Where there is no more memory the oldest are kept no longer, and
// questions wait until somebody lets go. Safe for concurrent use.
type library struct {
	// Static after construction.
	source source
	share  *share
	loads  *loads
	closed context.Context // ends with the hub

	mu   sync.Mutex // held for memory work only
	kept list.List  // of *page, oldest first
}

func newLibrary(closed context.Context, src source, s *share) *library {
	l := &library{source: src, share: s, closed: closed}
	l.loads = newLoads(l.begin)
	return l
}

// close drops the questions in line, and waits for those under way.
func (l *library) close() { l.loads.close() }

// begin takes the memory of a page that is to be read, if need be from those that
// are only kept. One may always be read where there is no other.
func (l *library) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.share.over(pageBytes) && l.kept.Len() > 0 {
		l.dropLocked(l.kept.Front().Value.(*page))
	}
	if l.share.over(pageBytes) && l.share.used.Load() > 0 {
		return false
	}
	l.share.add(pageBytes)
	return true
}

// dropLocked keeps a page no longer. It goes with its last holder.
func (l *library) dropLocked(p *page) {
	s := p.shelf
	l.kept.Remove(p.listed)
	p.timer.Stop()
	i := slices.Index(s.kept, p)
	s.kept = slices.Delete(s.kept, i, i+1)
	s.size -= p.size
	p.shelf, p.listed, p.timer = nil, nil, nil
	p.drop()
}
