package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// overflowOutput has Redis cut a subscriber off that does not read what it is sent:
// one instance's link is stalled, and writers write more than Redis keeps for it.
func overflowOutput(ctx context.Context, w *world) (string, error) {
	if _, err := w.redis.tell(ctx, "CONFIG", "SET", "client-output-buffer-limit", "pubsub 64kb 0 0"); err != nil {
		return "", err
	}
	w.padding.Store(&long)
	defer w.padding.Store(new(string))
	stalled := w.redisLinks[w.random.IntN(len(w.redisLinks))]
	stalled.stall()
	defer stalled.heal()
	return "", until(ctx, 30*time.Second, "redis cuts a subscriber off", func(context.Context) error {
		if !strings.Contains(w.redis.process.Output(), "overcoming of output buffer limits") {
			return fmt.Errorf("redis said %s", w.redis.process.Output())
		}
		return nil
	})
}

// fillDisk lets Redis's append-only file grow no further, as on a full disk: every
// write is then refused (MISCONF) until there is room again.
func fillDisk(ctx context.Context, w *world) (string, error) {
	file, err := w.redis.appendFile()
	if err != nil {
		return "", err
	}
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	var room unix.Rlimit
	if err := unix.Prlimit(w.redis.process.PID(), unix.RLIMIT_FSIZE, nil, &room); err != nil {
		return "", err
	}
	full := unix.Rlimit{Cur: uint64(info.Size()) + 4000, Max: room.Max}
	if err := unix.Prlimit(w.redis.process.PID(), unix.RLIMIT_FSIZE, &full, nil); err != nil {
		return "", err
	}
	err = until(ctx, 30*time.Second, "redis refuses to write", func(ctx context.Context) error {
		answer, err := w.redis.tell(ctx, "SET", "probe", "1")
		if err == nil {
			return fmt.Errorf("it answered %s", answer)
		}
		if !strings.Contains(answer, "MISCONF") {
			return err
		}
		return nil
	})
	if err == nil {
		err = pause(ctx, w.lasting(10*time.Second))
	}
	if errRoom := unix.Prlimit(w.redis.process.PID(), unix.RLIMIT_FSIZE, &room, nil); errRoom != nil {
		return "", errRoom
	}
	return "", err
}
