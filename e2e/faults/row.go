package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// The load of a row.
const (
	rowWriters = 4
	rowRate    = 40 // messages a second, of all writers together
	back       = time.Minute
)

// result is what a row showed.
type result struct {
	harm     harm
	accepted int
	readers  int
	sum      findings // of all readers
	reused   int      // ids that meant two different messages
	note     string
	line     string   // the table's, where another process did the row
	details  []string // about the readers with whom something is wrong
	err      error    // why the row did not come to its end
	took     time.Duration
}

// kept reports whether the promise was.
func (r result) kept() bool {
	f := r.sum
	return r.err == nil && f.lost+f.doubled+f.disordered+r.reused == 0 && (r.harm.loses || f.gaps == 0)
}

// runRow makes a world, does the harm to it, and looks what became of the messages.
func (l *lab) runRow(ctx context.Context, h harm, seed uint64, each int) result {
	begun := time.Now()
	r := result{harm: h}
	w, err := newWorld(l, rand.New(rand.NewPCG(seed, 0)))
	if err != nil {
		r.err = err
		return r
	}
	ctx, cancel := context.WithCancel(ctx)
	defer w.close()
	defer func() {
		cancel()
		if w.writers != nil {
			w.writers.wg.Wait()
		}
	}()
	r.note, r.err = w.live(ctx, h, each)
	w.stopReading()
	w.reading.Wait()
	r.look(ctx, w)
	r.took = time.Since(begun)
	return r
}

// live is a row's life: everybody comes, the harm is done, everybody is to have
// everything. A reader who has not in time keeps what it has: it shows as lost.
func (w *world) live(ctx context.Context, h harm, each int) (note string, err error) {
	if err := h.setup(ctx, w); err != nil {
		return "", fmt.Errorf("set up: %w", err)
	}
	if err := w.addReaders(ctx, each); err != nil {
		return "", fmt.Errorf("set up: %w", err)
	}
	if err := w.startReading(ctx); err != nil {
		return "", fmt.Errorf("set up: %w", err)
	}
	w.startWriting(ctx, rowWriters, rowRate)
	if err := w.settle(ctx); err != nil {
		return "", fmt.Errorf("set up: %w", errors.Join(err, w.writers.stop()))
	}
	note, err = h.run(ctx, w)
	if err == nil {
		err = w.more(ctx, 20)
	}
	if err = errors.Join(err, w.writers.stop()); err != nil {
		return note, err
	}
	ends, err := w.writers.last(ctx)
	if err != nil {
		return note, err
	}
	err = w.everyReader(ctx, back, "has the last messages", func(r *reader) bool { return hasAll(r, ends) })
	if err != nil {
		err = fmt.Errorf("after the harm: %w", err)
	}
	return note, err
}

// inLog is what Redis has of a room, as an instance tells it.
func (w *world) inLog(ctx context.Context, room string) (map[post]position, error) {
	if len(w.instances) == 0 {
		return nil, errors.New("no instance")
	}
	list, err := readLog(ctx, w.instances[0].base, room)
	log := make(map[post]position, len(list))
	for _, m := range list {
		log[m.post] = m.at
	}
	return log, err
}

// look gathers what the readers were shown.
func (r *result) look(ctx context.Context, w *world) {
	logs := map[string]map[post]position{}
	r.accepted, r.readers, r.reused = w.ledger.total(), len(w.readers), w.ledger.idsReused()
	for _, reader := range w.readers {
		log, read := logs[reader.view.room]
		if !read {
			var err error
			log, err = w.inLog(ctx, reader.view.room)
			r.err = errors.Join(r.err, err)
			logs[reader.view.room] = log
		}
		f := reader.view.verdict(log)
		r.sum.shown += f.shown
		r.sum.lost += f.lost
		r.sum.doubled += f.doubled
		r.sum.disordered += f.disordered
		r.sum.gaps += f.gaps
		r.sum.missedTold += f.missedTold
		r.sum.streams += f.streams
		if f.lost+f.doubled+f.disordered > 0 {
			r.details = append(r.details, fmt.Sprintf("%s: lost %d %q, doubled %d, out of order %d, gaps told %d, %d streams\n  %s",
				reader.name, f.lost, f.examples, f.doubled, f.disordered, f.gaps, f.streams, strings.Join(f.story, "\n  ")))
		}
	}
	for _, i := range w.instances {
		if err := i.trouble(); err != nil {
			r.err = errors.Join(r.err, err)
		}
		if !r.kept() {
			r.details = append(r.details, fmt.Sprintf("instance :%d said:\n%s", i.port, words(i.process.Output())))
		}
	}
}

// explain is what a person needs to find out why a promise was not kept.
func (r result) explain() string {
	var lines []string
	if r.err != nil {
		lines = append(lines, r.err.Error())
	}
	return strings.Join(append(lines, r.details...), "\n")
}

// words is what an instance printed, without the answers to posts, of which every
// one says so while Redis is away.
func words(output string) string {
	var lines []string
	for line := range strings.Lines(output) {
		if !strings.Contains(line, `msg="request failed"`) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}
