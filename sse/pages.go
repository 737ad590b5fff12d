package sse

import (
	"context"
	"slices"
	"time"

	"causette/chat"
)

const (
	// pageSize is how many events a page has at most. Pages begin behind the seqs
	// that it divides, so that readers who begin anywhere soon share them.
	pageSize = 128
	// pageLife is how long a page is kept for those who come after its first reader.
	pageLife = 10 * time.Second
	// maxKept is how many pages of one log are kept, whatever their size.
	maxKept = 256
)

// shelf is the pages of one log. When ten thousand readers come back at once, each
// page is read from the log once: they wait for each other's questions, and find
// what was answered lately.
type shelf struct {
	// Static after construction.
	lib   *library
	room  chat.RoomID
	limit int64 // bytes kept

	// Guarded by lib.mu.
	reads   map[chat.EventID]*pageRead // by the position that they ask about
	kept    []*page                    // oldest first
	size    int64                      // bytes of those
	average int                        // bytes of an event; 0 where nothing was read
	closed  bool
}

// pageRead is a question to the log, and who waits for the answer.
type pageRead struct {
	waiting map[any]func(*page, error) // by whom that is
	begun   bool                       // or nobody waits any more
	by      *origin                    // in whose line it stands last
}

func (l *library) shelf(room chat.RoomID, limit int64) *shelf {
	return &shelf{lib: l, room: room, limit: limit, reads: make(map[chat.EventID]*pageRead)}
}

// find is a page with what follows id, if one is kept. The caller is a holder of
// it, and releases it; nil is none.
func (s *shelf) find(id chat.EventID) *page {
	s.lib.mu.Lock()
	defer s.lib.mu.Unlock()
	return s.findLocked(id)
}

func (s *shelf) findLocked(id chat.EventID) *page {
	for _, p := range slices.Backward(s.kept) {
		if _, ok := p.next(id); ok {
			return p.hold()
		}
	}
	return nil
}

// ask has answer called with the page that follows id, which it has to release: at
// once if one is kept, else when somebody's question is answered, unless who, which
// asks one question at a time, leaves before. The page may lack what was said since
// it was read. Where the hub closes, answer may never be called.
func (s *shelf) ask(id chat.EventID, from *origin, who any, answer func(*page, error)) {
	s.lib.mu.Lock()
	if p := s.findLocked(id); p != nil {
		s.lib.mu.Unlock()
		answer(p, nil)
		return
	}
	r := s.reads[id]
	if r == nil {
		r = &pageRead{waiting: make(map[any]func(*page, error))}
		s.reads[id] = r
	}
	r.waiting[who] = answer
	// Nobody waits in another address's line.
	queue := !r.begun && (len(r.waiting) == 1 || r.by != from)
	r.by = from
	s.lib.mu.Unlock()
	if queue {
		s.lib.loads.add(from, &question{ask: func() { s.read(id, r) }, over: func() bool { return s.begun(r) }})
	}
}

// leave has who wait no more for the page that follows id. It reports whether who
// was waiting: if not, the answer has come or is about to.
func (s *shelf) leave(id chat.EventID, who any) bool {
	s.lib.mu.Lock()
	defer s.lib.mu.Unlock()
	r := s.reads[id]
	if r == nil || r.waiting[who] == nil {
		return false
	}
	if delete(r.waiting, who); len(r.waiting) == 0 && !r.begun {
		r.begun = true
		delete(s.reads, id)
	}
	return true
}

// begun reports whether a question need not be asked any more.
func (s *shelf) begun(r *pageRead) bool {
	s.lib.mu.Lock()
	defer s.lib.mu.Unlock()
	return r.begun
}

// read asks the log, unless that was done in another line.
func (s *shelf) read(id chat.EventID, r *pageRead) {
	s.lib.mu.Lock()
	begun, limit := r.begun, s.countLocked(id)
	r.begun = true
	s.lib.mu.Unlock()
	if begun {
		s.lib.share.add(-pageBytes)
		return
	}
	ctx, cancel := context.WithTimeout(s.lib.closed, askTimeout)
	answer, err := s.lib.source.AfterWithin(ctx, s.room, id, limit, pageBytes)
	cancel()
	if err != nil {
		s.lib.share.add(-pageBytes)
		for _, tell := range s.fail(id, r) {
			tell(nil, err)
		}
		return
	}
	p := newPage(s.lib, id, answer)
	s.lib.share.add(p.size - pageBytes)
	for _, tell := range s.keep(id, r, p) {
		tell(p, nil)
	}
	p.drop()
}

// fail returns who waits for an answer that there is none to.
func (s *shelf) fail(id chat.EventID, r *pageRead) map[any]func(*page, error) {
	s.lib.mu.Lock()
	defer s.lib.mu.Unlock()
	delete(s.reads, id)
	return r.waiting
}

// countLocked is how many events to ask for behind id: up to where the next page
// begins, and not many more than will be given. For what is too large the log
// looks in vain.
func (s *shelf) countLocked(id chat.EventID) int {
	n := pageSize - int(id.Seq%pageSize)
	if id.IsZero() {
		n++ // of which the first has the seq 0
	}
	if s.average > 0 {
		n = min(n, max(4, 2*pageBytes/s.average))
	}
	return n
}

// keep keeps a page for a while, and returns who waits for it: each has to release
// it. Messages stay what they are, but any other answer is of its moment, and is
// forgotten. One that tells of a gap behind an event says too that a page with that
// event leads nowhere any more.
func (s *shelf) keep(id chat.EventID, r *pageRead, p *page) map[any]func(*page, error) {
	s.lib.mu.Lock()
	defer s.lib.mu.Unlock()
	delete(s.reads, id)
	p.holders.Add(int32(len(r.waiting)))
	if p.gap {
		s.dropWithLocked(id)
	}
	if p.gap || len(p.marks) == 0 || s.closed {
		return r.waiting
	}
	s.average = len(p.frames) / len(p.marks)
	p.shelf, p.listed = s, s.lib.kept.PushBack(p.hold())
	p.timer = time.AfterFunc(pageLife, func() { s.expire(p) })
	s.kept = append(s.kept, p)
	for s.size += p.size; s.size > s.limit || len(s.kept) > maxKept; {
		s.lib.dropLocked(s.kept[0])
	}
	return r.waiting
}

// expire drops a page that is still kept, and with it any older one.
func (s *shelf) expire(p *page) {
	s.lib.mu.Lock()
	for p.shelf != nil {
		s.lib.dropLocked(s.kept[0])
	}
	s.lib.mu.Unlock()
	s.lib.loads.resume()
}

// dropWithLocked drops the pages with this event, and older ones with them.
func (s *shelf) dropWithLocked(event chat.EventID) {
	for n, p := range slices.Backward(s.kept) {
		marks := p.marks
		if marks[0].id.Compare(event) <= 0 && event.Compare(marks[len(marks)-1].id) <= 0 {
			for range n + 1 {
				s.lib.dropLocked(s.kept[0])
			}
			return
		}
	}
}

// close keeps no page any more: the log was replaced, or nobody follows it here.
func (s *shelf) close() {
	s.lib.mu.Lock()
	s.closed = true
	for len(s.kept) > 0 {
		s.lib.dropLocked(s.kept[0])
	}
	s.lib.mu.Unlock()
	s.lib.loads.resume()
}
