package main

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
)

// post names one message: the n-th of a writer, counted from 0. A writer insists
// on each before it goes on to the next, so in every log they stand in order.
type post struct{ writer, n int }

// text is what the message says: its name, and padding.
func (p post) text(padding string) string { return fmt.Sprintf("w%d m%d%s", p.writer, p.n, padding) }

// parsePost reads a message's name from its text.
func parsePost(text string) (post, bool) {
	w, rest, _ := strings.Cut(text, " ")
	m, _, _ := strings.Cut(rest, " ")
	writer, errW := strconv.Atoi(strings.TrimPrefix(w, "w"))
	n, errN := strconv.Atoi(strings.TrimPrefix(m, "m"))
	return post{writer, n}, errW == nil && errN == nil && w[0] == 'w' && m[0] == 'm'
}

// position is an event id: the epoch of a log, and where in it.
type position struct {
	epoch string
	seq   int64
}

func parsePosition(id string) (position, error) {
	epoch, seq, _ := strings.Cut(id, "-")
	n, err := strconv.ParseInt(seq, 10, 64)
	if err != nil || epoch == "" {
		return position{}, fmt.Errorf("event id %q", id)
	}
	return position{epoch, n}, nil
}

// before reports whether next may follow in a log: a later seq of the same epoch;
// the next seq of a later one, where the log went on under another; or the first
// of a new log.
func (at position) before(next position) bool {
	switch {
	case at.epoch == next.epoch:
		return at.seq < next.seq
	case next.seq == 0:
		return true
	default:
		return at.epoch < next.epoch && next.seq == at.seq+1 // epochs have the same number of digits
	}
}

// ledger is what was accepted, and what every id was ever seen to mean.
type ledger struct {
	mu       sync.Mutex
	accepted map[post]position // guarded by mu; as it was answered last
	posts    map[int]int       // guarded by mu; how many each writer had accepted
	rooms    map[int]string    // guarded by mu; where each writer writes
	meaning  map[meant]post    // guarded by mu
	reused   map[meant]bool    // guarded by mu: ids that meant two different messages
}

// meant is an id in a room.
type meant struct {
	room string
	at   position
}

func newLedger() *ledger {
	return &ledger{
		accepted: map[post]position{}, posts: map[int]int{}, rooms: map[int]string{},
		meaning: map[meant]post{}, reused: map[meant]bool{},
	}
}

// accept notes that a message was answered with an id.
func (l *ledger) accept(room string, p post, at position) {
	l.mean(room, p, at)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accepted[p], l.rooms[p.writer] = at, room
	l.posts[p.writer] = max(l.posts[p.writer], p.n+1)
}

// mean notes that somebody was shown a message under an id.
func (l *ledger) mean(room string, p post, at position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := meant{room, at}
	if before, known := l.meaning[id]; known && before != p {
		l.reused[id] = true
	}
	l.meaning[id] = p
}

// counts is how many messages of each writer were accepted.
func (l *ledger) counts() map[int]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.posts)
}

// total is how many messages were accepted.
func (l *ledger) total() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accepted)
}

// idsReused is how many ids meant two different messages.
func (l *ledger) idsReused() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.reused)
}
