package main

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// view is what one reader was shown of its room. It knows nothing of how logs are
// kept: it goes by the names in the texts, of which each writer has 0, 1, 2 …
type view struct {
	// Static after construction.
	room   string
	ledger *ledger

	mu      sync.Mutex
	greeted bool     // guarded by mu; a hello has come
	began   int64    // guarded by mu; the seq at which the last gap's stream begins
	at      position // guarded by mu; of the last message, or of the hello
	// next is the first message of each writer that was never shown; guarded by mu.
	next map[int]int
	// here is the same since the last gap, and for the stream alone; guarded by mu.
	// A writer that is not in it has not been heard since.
	here map[int]int
	// missing are those that were passed over; guarded by mu.
	missing map[post]passed
	away    time.Time // guarded by mu; when the stream ended; zero while there is one

	found findings // guarded by mu
	story []string // guarded by mu; the hellos and what followed each, for whoever looks for a cause
	fresh bool     // guarded by mu; nothing came since the hello
}

// longest is how many lines a story has at most.
const longest = 40

// tell adds a line to the story. The caller holds mu.
func (v *view) tell(format string, args ...any) {
	if len(v.story) < longest {
		v.story = append(v.story, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
	}
}

// passed says when a message was passed over: in the midst of a stream, or where
// a gap was told, and then in which log the reader went on, from where.
type passed struct {
	told  bool
	epoch string
	began int64
}

// excused reports whether a message that stood at a position may be missing, for
// the reader was told: it was of another log than the one that the reader went on
// in; or of that one, but before the stream's beginning, and that log was lost as
// well before the reader had loaded its history.
func (w passed) excused(at position, final string) bool {
	return w.told && (at.epoch != w.epoch || at.epoch != final && at.seq <= w.began)
}

// findings are what is wrong with what one reader was shown, and what it was told.
type findings struct {
	shown, lost, doubled, disordered int
	gaps, missedTold                 int // gaps told, and messages missed in them
	streams, notices                 int // notices of joins and leaves
	absences                         []time.Duration
	examples                         []string // a few of the lost, and how
	story                            []string
}

func newView(room string, l *ledger) *view {
	return &view{room: room, ledger: l, next: map[int]int{}, here: map[int]int{}, missing: map[post]passed{}}
}

// hello takes a stream's first event.
func (v *view) hello(resume string, at position) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.found.streams++
	v.tell("hello %s %v", resume, at)
	v.fresh = true
	if !v.away.IsZero() {
		v.found.absences = append(v.found.absences, time.Since(v.away))
		v.away = time.Time{}
	}
	if resume == "gap" {
		v.found.gaps++
		v.here = map[int]int{}
		v.at, v.began = at, at.seq
		if at.epoch == "0" { // before the first
			v.began = -1
		}
	}
	if !v.greeted {
		v.greeted, v.at = true, at
	}
}

// ended says that the stream is gone.
func (v *view) ended() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.greeted && v.away.IsZero() {
		v.away = time.Now()
		v.tell("ended at %v", v.at)
	}
}

// notice takes word of a join or a leave.
func (v *view) notice() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.found.notices++
}

// reloaded takes one message of the history that a reader loads after a gap, oldest first.
func (v *view) reloaded(p post, at position) {
	v.ledger.mean(v.room, p, at)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.missing[p].told {
		delete(v.missing, p)
	}
	v.skip(p, v.next[p.writer], passed{told: true, epoch: at.epoch, began: v.began})
	v.next[p.writer] = max(v.next[p.writer], p.n+1)
}

// hasReloaded says that a history has been loaded.
func (v *view) hasReloaded(messages int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tell("loaded %d messages", messages)
}

// message takes one message of the stream.
func (v *view) message(p post, at position) {
	v.ledger.mean(v.room, p, at)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.found.shown++
	if v.fresh {
		v.tell("first message %v: %s", at, p.text(""))
		v.fresh = false
	}
	after, heard := v.here[p.writer]
	if !heard && v.found.gaps == 0 {
		heard = true // from the writer's first message on
	}
	// A new log that begins with its first message follows the old one without a gap.
	inOrder := at.epoch == v.at.epoch && at.seq > v.at.seq || at.epoch != v.at.epoch && at.seq == 0
	_, late := v.missing[p]
	switch {
	case heard && p.n < after && !late:
		v.found.doubled++
		return
	case !inOrder, heard && p.n < after:
		v.found.disordered++
	}
	if !heard { // since a gap was told: what lies between is told of, if it was of another log
		v.skip(p, v.next[p.writer], passed{told: true, epoch: at.epoch, began: v.began})
	} else {
		v.skip(p, after, passed{})
	}
	delete(v.missing, p)
	v.at = at
	v.here[p.writer] = max(after, p.n+1)
	v.next[p.writer] = max(v.next[p.writer], p.n+1)
}

// skip notes what lies between what was expected of a writer and what came. The
// caller holds mu.
func (v *view) skip(came post, expected int, why passed) {
	for n := expected; n < came.n; n++ {
		v.missing[post{came.writer, n}] = why
	}
}

// has reports whether the reader was shown a message, by the stream or by a reload.
func (v *view) has(p post) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, missing := v.missing[p]
	return v.next[p.writer] > p.n && !missing
}

// isGreeted reports whether a stream has begun.
func (v *view) isGreeted() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.greeted
}

// forgetNotices lets what came so far be of people's coming.
func (v *view) forgetNotices() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.found.notices = 0
}

// verdict holds the view to the ledger. Nothing may come any more.
func (v *view) verdict() findings {
	v.ledger.mu.Lock()
	defer v.ledger.mu.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	f, missing := v.found, maps.Clone(v.missing)
	f.story = v.story
	for writer, posts := range v.ledger.posts {
		if v.ledger.rooms[writer] != v.room {
			continue
		}
		_, heard := v.here[writer]
		for n := v.next[writer]; n < posts; n++ { // its last ones never came
			missing[post{writer, n}] = passed{told: f.gaps > 0 && !heard, epoch: v.at.epoch, began: v.began}
		}
	}
	for p, why := range missing {
		at, accepted := v.ledger.accepted[p]
		switch {
		case !accepted: // nobody was promised anything
		case why.excused(at, v.at.epoch):
			f.missedTold++
		default:
			f.lost++
			f.examples = append(f.examples, fmt.Sprintf("%s as %s-%d, passed over %+v", p.text(""), at.epoch, at.seq, why))
		}
	}
	slices.Sort(f.examples)
	f.examples = f.examples[:min(len(f.examples), 5)]
	return f
}
