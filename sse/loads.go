package sse

import (
	"slices"
	"sync"
)

// maxLoads is how many pages are read from logs at once, for all readers together.
const maxLoads = 8

// loads are the questions to logs: some under way, the others in line. Where
// several addresses have some in line they take turns, so that one with thousands
// of readers far behind has the others wait for one page, and not for all of its
// own. Who waits holds a place in line and nothing else. Safe for concurrent use.
type loads struct {
	// Static after construction.
	begin func() bool // has memory for one more, and takes it

	mu      sync.Mutex // held for memory work only
	lines   map[*origin]*line
	turns   []*line // those with somebody in line, the next one first
	running int
	over    bool
	tasks   sync.WaitGroup // grows under mu while not over
}

// question is one to a log.
type question struct {
	ask  func()
	over func() bool // it need not be asked any more
}

// line is the questions of one address, in order.
type line struct {
	from      *origin
	questions []*question
	sweep     int // at how many those that are over are thrown out
}

// minSweep is the least length at which a line is looked through.
const minSweep = 256

// sweepLocked throws out what is over, now and then, so that those who come and go
// while a log does not answer leave nothing behind.
func (l *line) sweepLocked() {
	if len(l.questions) < max(l.sweep, minSweep) {
		return
	}
	l.questions = slices.DeleteFunc(l.questions, func(q *question) bool { return q.over() })
	l.sweep = 2 * len(l.questions)
}

func newLoads(begin func() bool) *loads {
	return &loads{begin: begin, lines: make(map[*origin]*line)}
}

// add has a question asked in its turn, in a goroutine of its own or of another
// question's. After close it is dropped.
func (l *loads) add(from *origin, q *question) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	at := l.lines[from]
	if at == nil {
		at = &line{from: from}
		l.lines[from] = at
		l.turns = append(l.turns, at)
	}
	at.sweepLocked()
	at.questions = append(at.questions, q)
	l.startLocked()
}

// resume looks again whether there is memory for those in line.
func (l *loads) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.startLocked()
}

// startLocked sets questions going for as long as there are turns and memory.
func (l *loads) startLocked() {
	for !l.over && l.running < maxLoads && len(l.turns) > 0 && l.begin() {
		q := l.nextLocked()
		l.running++
		l.tasks.Go(func() { l.run(q) })
	}
}

// run asks one question, and those whose turn it is then.
func (l *loads) run(q *question) {
	for q != nil {
		q.ask()
		l.mu.Lock()
		q = nil
		if !l.over && len(l.turns) > 0 && l.begin() {
			q = l.nextLocked()
		} else {
			l.running--
		}
		l.mu.Unlock()
	}
}

// nextLocked is the next question, of the address whose turn it is.
func (l *loads) nextLocked() *question {
	at := l.turns[0]
	l.turns = l.turns[1:]
	q := at.questions[0]
	at.questions[0] = nil
	if at.questions = at.questions[1:]; len(at.questions) > 0 {
		l.turns = append(l.turns, at)
	} else {
		delete(l.lines, at.from)
	}
	return q
}

// close drops those in line, and waits for those under way.
func (l *loads) close() {
	l.mu.Lock()
	l.over, l.turns, l.lines = true, nil, nil
	l.mu.Unlock()
	l.tasks.Wait()
}
