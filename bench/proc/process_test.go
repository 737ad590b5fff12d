package proc

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, ctx context.Context, script string) *Process {
	t.Helper()
	p, err := Start(ctx, "sh", exec.CommandContext(ctx, "sh", "-c", script))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

func ended(t *testing.T, p *Process) {
	t.Helper()
	select {
	case <-p.Over():
	case <-time.After(10 * time.Second):
		t.Fatal("still running")
	}
}

func TestProcess_StopEndsItAndItsChildren(t *testing.T) {
	p := start(t, t.Context(), "sleep 60 & echo up; wait")
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(p.Output(), "up"); {
		if time.Now().After(deadline) {
			t.Fatal("it did not start")
		}
	}
	tree, err := p.Tree()
	if err != nil || len(tree) != 2 {
		t.Fatalf("tree %v, %v; want the shell and its sleep", tree, err)
	}
	p.Stop()
	for deadline := time.Now().Add(10 * time.Second); runs(tree[1]); {
		if time.Now().After(deadline) {
			t.Fatal("its child still runs")
		}
	}
}

// runs reports whether a process is more than an entry that nobody waited for.
func runs(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(text), ") Z ")
}

func TestProcess_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := start(t, ctx, "sleep 60")
	cancel()
	ended(t, p)
}

func TestListening_TellsWhyAProcessDoesNot(t *testing.T) {
	port, err := FreePort(t.Context())
	if err != nil || port == 0 {
		t.Fatal(port, err)
	}
	p := start(t, t.Context(), "echo no such luck; exit 3")
	ended(t, p)
	err = p.Listening(t.Context(), "127.0.0.1:1")
	if err == nil || !strings.Contains(err.Error(), "no such luck") || p.ExitCode() != 3 {
		t.Fatalf("%v, exit %d", err, p.ExitCode())
	}
}

func TestRun_ReturnsTheOutputOrTheLastWords(t *testing.T) {
	out, err := Run(t.Context(), "sh", exec.CommandContext(t.Context(), "sh", "-c", "echo fine"))
	if err != nil || out != "fine\n" {
		t.Fatalf("%q, %v", out, err)
	}
	_, err = Run(t.Context(), "sh", exec.CommandContext(t.Context(), "sh", "-c", "echo one; echo two; exit 1"))
	if err == nil || !strings.Contains(err.Error(), "two") {
		t.Fatalf("error %v", err)
	}
}

func TestLastWords_KeepsTheEnd(t *testing.T) {
	w := &lastWords{}
	for range 3 {
		if _, err := w.Write([]byte(strings.Repeat("a", maxKept/2) + "z")); err != nil {
			t.Fatal(err)
		}
	}
	if s := w.String(); len(s) != maxKept || !strings.HasSuffix(s, "z") {
		t.Fatalf("kept %d bytes", len(s))
	}
}

func TestLastWords_MeasuresAllThatWasPrintedAndTheLongestLine(t *testing.T) {
	w := &lastWords{}
	for _, part := range []string{"a line\nand one in ", "two parts\n", "\nshort\n"} {
		if _, err := w.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	total, longest := w.printed()
	if total != 35 || longest != len("and one in two parts") {
		t.Fatalf("%d bytes, the longest line %d", total, longest)
	}
}
