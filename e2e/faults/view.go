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
	at      position // guarded by mu; of the last message, or of the hello
	// next is the first message of each writer that was never shown; guarded by mu.
	next map[int]int
	// here is the same since the last gap, and for the stream alone; guarded by mu.
	// A writer that is not in it has not been heard since.
	here map[int]int
	// warned is how many messages of each writer were accepted when the last gap was
	// told; guarded by mu. What the log lost of these is told of.
	warned map[int]int
	// missing are those that were passed over; guarded by mu. It is true of those
	// where a gap was told, false of those in the midst of a stream.
	missing     map[post]bool
	greetedLast time.Time // guarded by mu; when the last hello came
	away        time.Time // guarded by mu; when the stream ended; zero while there is one

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
	return &view{room: room, ledger: l, next: map[int]int{}, here: map[int]int{}, missing: map[post]bool{}}
}

// hello takes a stream's first event.
func (v *view) hello(resume string, at position) {
	accepted := v.ledger.counts()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.found.streams++
	v.greetedLast = time.Now()
	v.tell("hello %s %v", resume, at)
	v.fresh = true
	if !v.away.IsZero() {
		v.found.absences = append(v.found.absences, time.Since(v.away))
		v.away = time.Time{}
	}
	if resume == "gap" {
		v.found.gaps++
		v.here, v.warned = map[int]int{}, accepted
		v.at = at
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
	if v.missing[p] {
		delete(v.missing, p)
	}
	v.skip(p, v.next[p.writer], true)
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
	_, late := v.missing[p]
	switch {
	case heard && p.n < after && !late:
		v.found.doubled++
		return
	case !v.at.before(at), heard && p.n < after:
		v.found.disordered++
	}
	if !heard { // since a gap was told: what lies between is told of, if it was of another log
		v.skip(p, v.next[p.writer], true)
	} else {
		v.skip(p, after, false)
	}
	delete(v.missing, p)
	v.at = at
	v.here[p.writer] = max(after, p.n+1)
	v.next[p.writer] = max(v.next[p.writer], p.n+1)
}

// skip notes what lies between what was expected of a writer and what came, but for
// what was shown or missed before. The caller holds mu.
func (v *view) skip(came post, expected int, told bool) {
	for n := max(expected, v.next[came.writer]); n < came.n; n++ {
		v.missing[post{came.writer, n}] = told || n < v.warned[came.writer]
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

// cuts is how many streams of the reader ended: all but the one that there is.
func (v *view) cuts() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.greeted && v.away.IsZero() {
		return v.found.streams - 1
	}
	return v.found.streams
}

// greetedAt is when the last stream began.
func (v *view) greetedAt() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.greetedLast
}

// forgetNotices lets what came so far be of people's coming.
func (v *view) forgetNotices() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.found.notices = 0
}

// restlessness is how long the reader was without a stream each time, and how many
// joins and leaves it was told of.
func (v *view) restlessness() ([]time.Duration, int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.found.absences), v.found.notices
}

// verdict holds the view to the ledger, and to what Redis has in the end. Nothing may
// come any more. What Redis lost may be missing where a gap was told, and nothing else.
func (v *view) verdict(log map[post]position) findings {
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
			missing[post{writer, n}] = f.gaps > 0 && !heard
		}
	}
	for p, told := range missing {
		at, accepted := v.ledger.accepted[p]
		_, there := log[p]
		switch {
		case !accepted: // nobody was promised anything
		case told && !there:
			f.missedTold++
		default:
			f.lost++
			f.examples = append(f.examples, fmt.Sprintf("%s as %s-%d (a gap was told: %t, the log has it: %t)", p.text(""), at.epoch, at.seq, told, there))
		}
	}
	slices.Sort(f.examples)
	f.examples = f.examples[:min(len(f.examples), 5)]
	return f
}
