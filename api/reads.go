package api

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/semaphore"

	"causette/chat"
)

const (
	// readsAtOnce is how many requests read pages, lists and rolls at the same time, and
	// maxReadsWaiting how many wait for that, each for readPatience.
	readsAtOnce     = 4
	maxReadsWaiting = 4096
	readPatience    = 8 * time.Second
	// openingAtOnce is how many streams are on their way to their hello at the same time, and
	// openingTurn how long one counts as that: one that waits for Redis keeps nobody else.
	openingAtOnce = 16
	openingTurn   = 100 * time.Millisecond
	// writeChunk is how many bytes of an answer are written at once: to copy a large one
	// takes the kernel milliseconds, in which nobody else has that processor.
	writeChunk = 32 << 10
)

// reads bounds what requests that only read may take from those that speak.
type reads struct {
	turns *turns
	// openings are streams on their way to their hello: a thousand of one address at once
	// would have everybody else's requests wait for a processor behind them.
	openings *turns
	unread   *unread
	paces    paces
	// render leaves a processor to the others, where there is more than one.
	render *semaphore.Weighted
}

func newReads() *reads {
	return &reads{
		turns:    newTurns(readsAtOnce, maxReadsWaiting, readPatience),
		openings: newTurns(openingAtOnce, math.MaxInt, requestTimeout),
		unread:   newUnread(), paces: newPaces(),
		render: semaphore.NewWeighted(int64(max(1, runtime.GOMAXPROCS(0)-1))),
	}
}

// body is an answer's, which is shared with other requests or this one's own.
type body struct {
	bytes  []byte
	shared bool
}

// readAndSend sends what read reads. That has its turn, among the other addresses, and
// what is its own counts as unread until it is written.
func (a *API) readAndSend(c *gin.Context, status int, contentType string, read func() (body, error)) error {
	address := a.owner(c)
	done, err := a.reads.turns.take(c.Request.Context(), address)
	if err != nil {
		return a.busy("turn", err)
	}
	b, err := func() (body, error) { defer done(); return read() }()
	if err != nil {
		return err
	}
	if !b.shared {
		written, err := a.reads.unread.add(address, len(b.bytes))
		if err != nil {
			return a.busy("unread", err)
		}
		defer written()
	}
	if err := a.reads.paces.wait(c.Request.Context(), address, len(b.bytes)); err != nil {
		return a.busy("pace", err)
	}
	c.Header("Content-Type", contentType)
	c.Header("Content-Length", strconv.Itoa(len(b.bytes)))
	c.Status(status)
	for chunk := range slices.Chunk(b.bytes, writeChunk) {
		if _, err := c.Writer.Write(chunk); err != nil {
			return nil //nolint:nilerr // the client went away
		}
		runtime.Gosched()
	}
	return nil
}

// busy counts a read that is refused. That a request's time ran out while it waited for its
// turn says nothing of Redis.
func (a *API) busy(of string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		err = chat.ErrBusy
	}
	if errors.Is(err, chat.ErrBusy) {
		a.metrics.busy.WithLabelValues(of).Inc()
	}
	return err
}

// rendered runs render when there is a processor for it.
func (a *API) rendered(c *gin.Context, render func() ([]byte, error)) ([]byte, error) {
	if err := a.reads.render.Acquire(c.Request.Context(), 1); err != nil {
		return nil, a.busy("turn", err)
	}
	defer a.reads.render.Release(1)
	return render()
}
