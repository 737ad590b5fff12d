package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A clock that is set steps the wall clock alone: timers go by the monotonic one.
// libfaketime does not reach a Go program, a time namespace shifts only the
// monotonic clock, and setting the machine's own would step everybody's. So the
// server is built with a time.Now that signals step, and is else the same.
const (
	steppingTime = `package time

import "sync/atomic"

var step atomic.Int64

// Step sets the wall clock forward, or back.
func Step(seconds int64) { step.Add(seconds) }
`
	steppingMain = `package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

func init() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		for s := range signals {
			if s == syscall.SIGUSR1 {
				time.Step(3600)
			} else {
				time.Step(-7200)
			}
		}
	}()
}
`
	plainNow    = "\tsec, nsec, mono := runtimeNow()\n"
	steppingNow = plainNow + "\tsec += step.Load()\n"
)

// buildStepping makes the server whose wall clock SIGUSR1 sets an hour forward, and
// SIGUSR2 two hours back.
func buildStepping(ctx context.Context, dir string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", err
	}
	goTime := filepath.Join(strings.TrimSpace(string(out)), "src", "time")
	source, err := os.ReadFile(filepath.Join(goTime, "time.go"))
	if err != nil {
		return "", err
	}
	if strings.Count(string(source), plainNow) != 1 {
		return "", fmt.Errorf("%s/time.go reads the clock in another way than this harness knows", goTime)
	}
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for path, text := range map[string]string{
		filepath.Join(goTime, "time.go"): strings.Replace(string(source), plainNow, steppingNow, 1),
		filepath.Join(goTime, "step.go"): steppingTime,
		filepath.Join(root, "step.go"):   steppingMain,
	} {
		replace[path] = filepath.Join(dir, fmt.Sprintf("overlay-%d.go", len(replace)))
		if err := os.WriteFile(replace[path], []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, overlay, 0o600); err != nil {
		return "", err
	}
	return build(ctx, filepath.Join(dir, "causette-stepping"), "-overlay", path)
}

// oneStepping starts two instances, of which the first has a clock that can be set.
func oneStepping(ctx context.Context, w *world) error {
	binary, err := buildStepping(ctx, w.dir)
	if err != nil {
		return err
	}
	if err := w.oneRedis(ctx, 0, keepsAll); err != nil {
		return err
	}
	for _, binary := range []string{binary, w.binary} {
		if err := w.addInstance(ctx, binary, "REDIS_URL=redis://"+w.redis.address()); err != nil {
			return err
		}
	}
	return nil
}

// stepClock sets one instance's clock an hour forward, then to an hour back, then right.
func stepClock(ctx context.Context, w *world) (string, error) {
	for _, s := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGUSR1} {
		w.instances[0].process.Signal(s)
		if err := w.settle(ctx); err != nil {
			return "", err
		}
		if err := pause(ctx, w.lasting(5*time.Second)); err != nil {
			return "", err
		}
	}
	return "", nil
}
