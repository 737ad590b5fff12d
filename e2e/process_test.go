//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a program that a test started. The test kills it, and all that it
// started, when it ends.
type process struct {
	// Static after construction.
	t    *testing.T
	name string
	cmd  *exec.Cmd
	out  *transcript   // standard output and standard error, as far as cmd had none
	done chan struct{} // closed when the process has been waited for
}

// start runs cmd. On a failed test its output is shown; output that tells of a
// panic or a data race fails the test.
func start(t *testing.T, name string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, name: name, cmd: cmd, out: newTranscript(), done: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = p.out
	}
	if cmd.Stderr == nil {
		cmd.Stderr = p.out
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 2 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // ProcessState has what matters
	}()
	t.Cleanup(p.cleanUp)
	return p
}

func (p *process) cleanUp() {
	p.kill()
	output := p.out.String()
	for _, bad := range []string{"panic:", "msg=panic", "DATA RACE", "fatal error:"} {
		if strings.Contains(output, bad) {
			p.t.Errorf("%s: its output tells of a %q", p.name, bad)
		}
	}
	if p.t.Failed() {
		p.t.Logf("output of %s (pid %d, %s):\n%s", p.name, p.cmd.Process.Pid, p.cmd.ProcessState, tail(output, 12<<10))
	}
}

func tail(s string, bytes int) string {
	if len(s) > bytes {
		return "…" + s[len(s)-bytes:]
	}
	return s
}

// signal sends a signal to the process alone.
func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("send %s to %s: %v", s, p.name, err)
	}
}

// kill is kill -9 for the whole process group, and waits until it is gone.
func (p *process) kill() {
	select {
	case <-p.done:
		return
	default:
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// terminate sends SIGTERM and returns how long the process took to exit with 0.
func (p *process) terminate(within time.Duration) time.Duration {
	p.t.Helper()
	begun := time.Now()
	p.signal(syscall.SIGTERM)
	if code := p.exitCode(within); code != 0 {
		p.t.Errorf("%s: exit code %d after SIGTERM, want 0", p.name, code)
	}
	return time.Since(begun)
}

// exitCode waits for the process to end by itself.
func (p *process) exitCode(within time.Duration) int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(within):
		p.t.Fatalf("%s: still running after %s", p.name, within)
		return -1
	}
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// residentBytes is what the process holds in memory now.
func (p *process) residentBytes() int64 {
	p.t.Helper()
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatalf("memory of %s: %v", p.name, err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(statm), &size, &resident); err != nil {
		p.t.Fatalf("memory of %s: %v", p.name, err)
	}
	return resident * int64(os.Getpagesize())
}

// transcript is what a process wrote so far.
type transcript struct {
	mu    sync.Mutex
	text  []byte        // guarded by mu
	grown chan struct{} // guarded by mu; closed and replaced at each write
}

func newTranscript() *transcript { return &transcript{grown: make(chan struct{})} }

var _ io.Writer = (*transcript)(nil)

func (l *transcript) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	close(l.grown)
	l.grown = make(chan struct{})
	return len(b), nil
}

func (l *transcript) String() string {
	text, _ := l.now()
	return text
}

func (l *transcript) now() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text), l.grown
}

// awaitOutput waits until the process has written something with phrase in it.
func (p *process) awaitOutput(within time.Duration, phrase string) {
	p.t.Helper()
	deadline := time.After(within)
	for {
		text, grown := p.out.now()
		if strings.Contains(text, phrase) {
			return
		}
		select {
		case <-grown:
		case <-p.done:
			if !strings.Contains(p.out.String(), phrase) {
				p.t.Fatalf("%s ended without saying %q", p.name, phrase)
			}
			return
		case <-deadline:
			p.t.Fatalf("%s did not say %q within %s", p.name, phrase, within)
		}
	}
}

var (
	portsMu    sync.Mutex
	portsGiven = map[int]bool{} // guarded by portsMu
)

// freePort is a loopback port that nobody listens on, given to one caller a run.
// It lies below the range that the kernel takes for outgoing connections, so
// that a server can be started again on it.
func freePort(t *testing.T) int {
	t.Helper()
	portsMu.Lock()
	defer portsMu.Unlock()
	for range 1000 {
		port := 10_000 + rand.IntN(20_000)
		if portsGiven[port] {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		_ = l.Close()
		portsGiven[port] = true
		return port
	}
	t.Fatal("no free port found between 10000 and 30000")
	return 0
}
