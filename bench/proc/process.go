// Package proc starts and ends the processes of the benchmark, and reads from
// /proc what they cost. Linux only.
//
// # Concurrency properties
//
// A Process may be used by several goroutines. Nothing that it started outlives
// Stop, nor, by the kernel's help, the benchmark itself.
package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is a program that the benchmark runs, in a process group of its own.
type Process struct {
	// Static after construction.
	Name   string
	cmd    *exec.Cmd
	output *lastWords
	done   chan struct{} // closed when it has been waited for
}

// Start runs a program until Stop, or the end of ctx. What it prints is kept for
// Trouble unless cmd says otherwise.
func Start(ctx context.Context, name string, cmd *exec.Cmd) (*Process, error) {
	p := &Process{Name: name, cmd: cmd, output: &lastWords{}, done: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = p.output
	}
	if cmd.Stderr == nil {
		cmd.Stderr = p.output
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	stop := context.AfterFunc(ctx, p.kill)
	go func() {
		defer close(p.done)
		defer stop()
		_ = cmd.Wait() // ProcessState says what matters
	}()
	return p, nil
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends a signal to the process alone.
func (p *Process) Signal(s syscall.Signal) { _ = syscall.Kill(p.PID(), s) }

// Stop kills the process and all in its group, and waits until it is gone. A nil
// Process was never started.
func (p *Process) Stop() {
	if p == nil {
		return
	}
	p.kill()
	<-p.done
}

func (p *Process) kill() {
	select {
	case <-p.done: // its id may be another's by now
	default:
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	}
}

// Over is closed when the process has ended.
func (p *Process) Over() <-chan struct{} { return p.done }

// ExitCode is how the process ended; -1 while it runs, or if a signal ended it.
func (p *Process) ExitCode() int {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	default:
		return -1
	}
}

// Output is the last of what the process printed.
func (p *Process) Output() string { return p.output.String() }

// Printed is how many bytes the process printed so far, and how many its longest line has.
func (p *Process) Printed() (bytes int64, longestLine int) { return p.output.printed() }

// Listening waits until somebody accepts connections at address.
func (p *Process) Listening(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %s", p.Name, lastLine(p.Output()))
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen: %w: %s", p.Name, ctx.Err(), lastLine(p.Output()))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Run runs a program to its end, and returns what it printed.
func Run(ctx context.Context, name string, cmd *exec.Cmd) (string, error) {
	p, err := Start(ctx, name, cmd)
	if err != nil {
		return "", err
	}
	<-p.done
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if !cmd.ProcessState.Success() {
		return "", fmt.Errorf("%s: %s: %s", name, cmd.ProcessState, lastLine(p.Output()))
	}
	return p.Output(), nil
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// FreePort is a port of 127.0.0.1 that nobody listens at.
func FreePort(ctx context.Context) (int, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// Environment is what a measured program gets: nothing of the user's own
// settings but what is needed to find programs and caches.
func Environment(settings ...string) []string {
	var env []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		switch {
		case name == "PATH", name == "HOME", name == "TMPDIR", name == "LANG",
			strings.HasPrefix(name, "GO") && name != "GOGC" && name != "GOMEMLIMIT" && name != "GODEBUG" && name != "GOMAXPROCS",
			strings.HasPrefix(strings.ToLower(name), "npm_config_"):
			env = append(env, pair)
		}
	}
	return append(env, settings...)
}

// lastWords keeps the end of what is written to it, and measures all of it.
type lastWords struct {
	mu            sync.Mutex
	kept          []byte // guarded by mu
	total         int64  // guarded by mu; bytes
	line, longest int    // guarded by mu; bytes of the line under way, and of the longest, without their ends
}

const maxKept = 64 << 10

func (w *lastWords) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total += int64(len(p))
	for line := range bytes.Lines(p) {
		text, ended := bytes.CutSuffix(line, []byte("\n"))
		w.line += len(text)
		w.longest = max(w.longest, w.line)
		if ended {
			w.line = 0
		}
	}
	w.kept = append(w.kept, p...)
	if over := len(w.kept) - maxKept; over > 0 {
		w.kept = w.kept[:copy(w.kept, w.kept[over:])]
	}
	return len(p), nil
}

func (w *lastWords) printed() (total int64, longest int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total, w.longest
}

func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.kept)
}

// RaiseFiles lets this process, and those it starts, open as many files as it
// may, and returns how many that is.
func RaiseFiles() (int, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, errors.Join(errors.New("raise the limit of open files"), err)
	}
	return int(min(limit.Max, 1<<20)), nil
}
