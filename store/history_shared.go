package store

import (
	"context"
	"math"
	"sync"
	"time"

	"causette/chat"
)

const (
	// remember is how long the newest page of a room, the list of rooms and who reads a
	// room are remembered, each once read.
	remember = time.Second
	// maxRecentPages and maxRecentBytes bound the pages that are remembered.
	maxRecentPages, maxRecentBytes = 256, 32 << 20
	// maxRecentPeople and maxRecentPeopleBytes bound the lists of who reads a room.
	maxRecentPeople, maxRecentPeopleBytes = 256, 4 << 20
)

// recentSizes are the pages that are remembered, by their limit; a smaller one is cut
// from the next.
var recentSizes = [...]int{50, 200}

// shareReads makes what requests share.
func (s *Store) shareReads() {
	m := s.metrics
	s.newestPages = newRecent[pageKey]("newest", m, remember, maxRecentPages, maxRecentBytes, pageBytes)
	s.olderPages = newRecent[pageKey]("older", m, 0, 1, 0, pageBytes)
	s.recentRooms = newRecent[int]("rooms", m, remember, len(recentSizes), math.MaxInt, func([]RoomInfo) int { return 0 })
	s.recentRolls = newRecent[chat.RoomID]("people", m, remember, maxRecentPeople, maxRecentPeopleBytes, roll.bytes)
}

// SharedPage is a page that several requests have; nobody changes it.
type SharedPage struct {
	chat.Page
	// Shared says that it is remembered: what it holds is held once for all.
	Shared bool

	once    sync.Once
	encoded []byte
}

// Encoded is what encode makes of the page, made once for all who have it.
func (p *SharedPage) Encoded(encode func(chat.Page) []byte) []byte {
	p.once.Do(func() { p.encoded = encode(p.Page) })
	return p.encoded
}

// pageKey is a page that is being read, or was: the newest, if before is zero.
type pageKey struct {
	room   chat.RoomID
	before chat.EventID
	limit  int
}

// pageBytes is what a page holds, once encoded.
func pageBytes(p *SharedPage) (n int) {
	for _, e := range p.Events {
		n += 2*len(e.Data) + 128
	}
	return n + 256
}

// ReadBefore is [Store.Before] for a request: the newest page is remembered for a second,
// unless this instance hears or takes a message meanwhile, and any is read once for all
// who ask at the same time.
func (s *Store) ReadBefore(ctx context.Context, room chat.RoomID, before chat.EventID, limit int) (*SharedPage, error) {
	if err := s.away(); err != nil {
		return &SharedPage{}, s.failed(ctx, "read history", err)
	}
	if !before.IsZero() {
		key := pageKey{room, before, limit}
		return s.olderPages.get(ctx, key, s.readShared(key, false))
	}
	for _, size := range recentSizes {
		if limit > size {
			continue
		}
		key := pageKey{room: room, limit: size}
		page, err := s.newestPages.get(ctx, key, s.readShared(key, true))
		if err != nil || limit == size || len(page.Events) <= limit {
			return page, err
		}
		cut := page.Page
		cut.Events, cut.More = cut.Events[len(cut.Events)-limit:], true
		return &SharedPage{Page: cut}, nil
	}
	page, err := s.Before(ctx, room, before, limit)
	return &SharedPage{Page: page}, err
}

func (s *Store) readShared(key pageKey, shared bool) func(context.Context) (*SharedPage, error) {
	return func(ctx context.Context) (*SharedPage, error) {
		page, err := s.Before(ctx, key.room, key.before, key.limit)
		return &SharedPage{Page: page, Shared: shared}, err
	}
}

// forgetNewest is for each message that comes to a room, as far as this instance knows:
// who asks for the newest page from now on gets it.
func (s *Store) forgetNewest(room chat.RoomID) {
	for _, size := range recentSizes {
		s.newestPages.forget(pageKey{room: room, limit: size})
	}
}
