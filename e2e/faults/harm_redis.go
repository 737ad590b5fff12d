package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

// restartRedis kills Redis under load, twice, and starts it again.
func restartRedis(ctx context.Context, w *world) (string, error) {
	for range 2 {
		w.redis.kill()
		if err := pause(ctx, w.some(2*time.Second)); err != nil {
			return "", err
		}
		if err := w.redis.start(ctx); err != nil {
			return "", err
		}
		if err := w.settle(ctx); err != nil {
			return "", err
		}
	}
	return "", nil
}

// powerCut is what a host that loses power does to Redis: it is killed, and what it
// had not told the disk to keep is not in the file. That is up to a second of writes,
// so as much is cut off here as came in the second before. Who was away then has not
// heard of it, and is to be told all the same.
func powerCut(ctx context.Context, w *world) (string, error) {
	file, err := w.redis.appendFile()
	if err != nil {
		return "", err
	}
	before, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	defer w.sendAway()()
	kept := w.ledger.total()
	if err := pause(ctx, time.Second); err != nil {
		return "", err
	}
	lost := w.ledger.total() - kept
	w.redis.kill()
	if err := os.Truncate(file, before.Size()); err != nil {
		return "", err
	}
	if err := w.redis.start(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("about %d accepted messages were not on the disk", lost), w.settle(ctx)
}

// flushRedis empties Redis, twice, while it runs and everybody is connected.
func flushRedis(ctx context.Context, w *world) (string, error) {
	for range 2 {
		if _, err := w.redis.tell(ctx, "FLUSHALL"); err != nil {
			return "", err
		}
		if err := w.settle(ctx); err != nil {
			return "", err
		}
	}
	return "", nil
}

// freezeRedis pauses Redis, and what was sent to it meanwhile is answered late.
func freezeRedis(ctx context.Context, w *world) (string, error) {
	w.redis.signal(syscall.SIGSTOP)
	err := pause(ctx, w.lasting(10*time.Second))
	w.redis.signal(syscall.SIGCONT)
	return "", err
}

// cutLinks cuts each instance off from Redis, again and again.
func cutLinks(ctx context.Context, w *world) (string, error) {
	for range 3 {
		for _, l := range w.redisLinks {
			l.takeDown()
			err := pause(ctx, w.some(w.lasting(3*time.Second)))
			l.heal()
			if err != nil {
				return "", err
			}
			if err := w.settle(ctx); err != nil {
				return "", err
			}
		}
	}
	return "", nil
}

// stallLink leaves an instance's connections to Redis open and silent.
func stallLink(ctx context.Context, w *world) (string, error) {
	stalled := w.redisLinks[w.random.IntN(len(w.redisLinks))]
	stalled.stall()
	err := pause(ctx, w.lasting(20*time.Second))
	stalled.heal()
	return "", err
}

// slowLink makes one instance's link to Redis a bad one.
func slowLink(ctx context.Context, w *world) (string, error) {
	slowed := w.redisLinks[w.random.IntN(len(w.redisLinks))]
	slowed.slow(100*time.Millisecond, 64<<10)
	err := pause(ctx, w.lasting(15*time.Second))
	slowed.heal()
	return "", err
}

// killPubSub has Redis close the subscribers' connections, five times.
func killPubSub(ctx context.Context, w *world) (string, error) {
	for range 5 {
		if _, err := w.redis.tell(ctx, "CLIENT", "KILL", "TYPE", "pubsub"); err != nil {
			return "", err
		}
		if err := pause(ctx, w.some(w.lasting(2*time.Second))); err != nil {
			return "", err
		}
	}
	return "", w.settle(ctx)
}
