package sse

import (
	"context"
	"slices"
	"sync"
	"time"

	"causette/chat"
)

// pageLife is how long a page is kept for those who come after its first reader.
const pageLife = 10 * time.Second

// pages are the parts of a room's log that readers behind the tail are on their
// way through. When ten thousand come back at once, each page is read from the log
// once: they ask for whole pages that begin at fixed places, wait for each other's
// questions, and find what was answered lately. The zero value is ready, and safe
// for concurrent use.
type pages struct {
	mu    sync.Mutex // held for memory work only
	reads map[chat.EventID]*pageRead
	kept  []chat.EventID // those of reads that have been answered, oldest first
	size  int            // bytes of those
}

// pageRead is one question to the log, and its answer.
type pageRead struct {
	done chan struct{} // closed when what follows is set
	page chat.Page
	err  error
}

// question asks the log for a page of what follows an id.
type question func(ctx context.Context, after chat.EventID) (chat.Page, error)

// after is the page that follows id, or a part of it. It may lack what was said
// since it was read; then the next one has that. Pages are kept for as long as
// they have no more than limit bytes together.
func (p *pages) after(ctx context.Context, id chat.EventID, limit int64, ask question) (chat.Page, error) {
	from := id
	if from.Seq -= from.Seq % pageSize; from != id {
		page, err := p.share(ctx, from, limit, ask)
		if err != nil {
			return page, err
		}
		// The page may be of before id came to be, or begin before the log does.
		if n := int(id.Seq - from.Seq); !page.Gap && n < len(page.Events) && id.Precedes(page.Events[n].ID) {
			page.Events = page.Events[n:]
			return page, nil
		}
	}
	return p.share(ctx, id, limit, ask)
}

// share asks, unless somebody else does or did.
func (p *pages) share(ctx context.Context, id chat.EventID, limit int64, ask question) (chat.Page, error) {
	p.mu.Lock()
	r := p.reads[id]
	if r == nil {
		r = &pageRead{done: make(chan struct{})}
		if p.reads == nil {
			p.reads = make(map[chat.EventID]*pageRead)
		}
		p.reads[id] = r
		p.mu.Unlock()
		// Others wait for the answer, whatever becomes of the one who asks.
		r.page, r.err = ask(context.WithoutCancel(ctx), id)
		p.keep(id, r, limit)
		close(r.done)
		return r.page, r.err
	}
	p.mu.Unlock()
	select {
	case <-r.done:
		return r.page, r.err
	case <-ctx.Done():
		return chat.Page{}, ctx.Err()
	}
}

// keep keeps a page for a while. Messages stay what they are, but any other answer
// is of its moment, and forgotten. One that tells of a gap behind an event says too
// that a page with that event leads nowhere any more.
func (p *pages) keep(id chat.EventID, r *pageRead, limit int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.page.Gap {
		p.dropWith(id)
	}
	if r.err != nil || r.page.Gap || len(r.page.Events) == 0 {
		delete(p.reads, id)
		return
	}
	p.kept = append(p.kept, id)
	p.size += sizeOf(r.page)
	for int64(p.size) > limit {
		p.drop()
	}
	time.AfterFunc(pageLife, func() { p.expire(id) })
}

// expire drops a page that is still kept, and with it any older one.
func (p *pages) expire(id chat.EventID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n, other := range p.kept {
		if other == id {
			for range n + 1 {
				p.drop()
			}
			return
		}
	}
}

// dropWith drops the pages with this event, and older ones with them. Called with mu held.
func (p *pages) dropWith(event chat.EventID) {
	for n, id := range slices.Backward(p.kept) {
		events := p.reads[id].page.Events
		if events[0].ID.Compare(event) <= 0 && event.Compare(events[len(events)-1].ID) <= 0 {
			for range n + 1 {
				p.drop()
			}
			return
		}
	}
}

// drop forgets the oldest page. Called with mu held.
func (p *pages) drop() {
	oldest := p.kept[0]
	p.kept = p.kept[1:]
	p.size -= sizeOf(p.reads[oldest].page)
	delete(p.reads, oldest)
}

// sizeOf is about what a page takes, in bytes.
func sizeOf(page chat.Page) (n int) {
	n = 256
	for _, e := range page.Events {
		n += 64 + len(e.Data)
	}
	return n
}
