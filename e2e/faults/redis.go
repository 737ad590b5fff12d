package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"causette/bench/proc"
)

// What a Redis keeps of what it was told, as its options.
var (
	keepsNothing = []string{"--appendonly", "no"}
	keepsASecond = []string{"--appendonly", "yes", "--appendfsync", "everysec"}
	keepsAll     = []string{"--appendonly", "yes", "--appendfsync", "always"}
)

// redisServer is a real Redis, which may be killed and started again on its port
// with what it kept.
type redisServer struct {
	// Static after construction.
	port    int
	dir     string
	options []string

	process *proc.Process // owned by the row's goroutine
}

// newRedis starts a redis-server and waits until it answers.
func newRedis(ctx context.Context, dir string, options ...string) (*redisServer, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	r := &redisServer{port: port, dir: filepath.Join(dir, fmt.Sprintf("redis-%d", port)), options: options}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return nil, err
	}
	return r, r.start(ctx)
}

func (r *redisServer) address() string { return fmt.Sprintf("127.0.0.1:%d", r.port) }

// start starts it, again if it ran before, and waits until it answers.
func (r *redisServer) start(ctx context.Context) (err error) {
	// A file that grows past its limit is to be an error, as a full disk is, not a signal.
	args := append([]string{
		"-c", `trap "" XFSZ; exec redis-server "$@"`, "redis-server",
		"--bind", "127.0.0.1", "--port", strconv.Itoa(r.port), "--dir", r.dir, "--save", "", "--daemonize", "no",
	}, r.options...)
	r.process, err = proc.Start(ctx, fmt.Sprintf("redis :%d", r.port), exec.CommandContext(ctx, "sh", args...))
	if err != nil {
		return err
	}
	return r.answers(ctx)
}

// answers waits until the server does.
func (r *redisServer) answers(ctx context.Context) error {
	return until(ctx, 30*time.Second, fmt.Sprintf("redis :%d answers", r.port), func(ctx context.Context) error {
		select {
		case <-r.process.Over():
			return fmt.Errorf("it ended (is redis-server installed?): %s", r.process.Output())
		default:
		}
		_, err := r.tell(ctx, "TIME")
		return err
	})
}

// kill is kill -9. What it had handed to the kernel stays.
func (r *redisServer) kill() { r.process.Stop() }

// signal sends a signal to the server.
func (r *redisServer) signal(s syscall.Signal) { r.process.Signal(s) }

// tell runs a command by redis-cli. Its answer is as redis-cli prints it.
func (r *redisServer) tell(ctx context.Context, command ...string) (string, error) {
	return redisCLI(ctx, r.port, command...)
}

func redisCLI(ctx context.Context, port int, command ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "redis-cli", append([]string{"-e", "-p", strconv.Itoa(port)}, command...)...)
	out, err := cmd.CombinedOutput()
	answer := strings.TrimSpace(string(out))
	if err != nil {
		return answer, fmt.Errorf("redis-cli %s: %w: %s", strings.Join(command, " "), err, answer)
	}
	return answer, nil
}

// appendFile is the file that grows with every write.
func (r *redisServer) appendFile() (string, error) {
	found, err := filepath.Glob(filepath.Join(r.dir, "appendonlydir", "*.incr.aof"))
	if err == nil && len(found) != 1 {
		err = errors.New("not one append-only file but " + strconv.Itoa(len(found)))
	}
	if err != nil {
		return "", fmt.Errorf("redis :%d: %w", r.port, err)
	}
	return found[0], nil
}
