//go:build linux

package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// buildDir holds the binaries of this run. Static after TestMain began.
var buildDir string

// insideEnv carries buildDir to a test that this package runs again in a
// network namespace of its own.
const insideEnv = "CAUSETTE_E2E_INSIDE"

func TestMain(m *testing.M) {
	if buildDir = os.Getenv(insideEnv); buildDir != "" {
		os.Exit(m.Run())
	}
	// Most tests wait for leases, heartbeats and timeouts, not for a processor.
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(max(4, runtime.GOMAXPROCS(0)))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	dir, err := os.MkdirTemp("", "causette-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a directory for the binaries:", err)
		os.Exit(1)
	}
	buildDir = dir
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// plainBinary is the server as it is shipped, built once a run.
var plainBinary = sync.OnceValues(func() (string, error) { return build("causette") })

// checkedBinary has the race detector in it if this test binary has.
var checkedBinary = sync.OnceValues(func() (string, error) {
	if !raceEnabled() {
		return plainBinary()
	}
	return build("causette-race", "-race")
})

func build(name string, flags ...string) (string, error) {
	path := filepath.Join(buildDir, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil // the outer run built it
	}
	args := append([]string{"build", "-o", path}, flags...)
	out, err := exec.Command("go", append(args, "..")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return path, nil
}

func raceEnabled() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, setting := range info.Settings {
		if setting.Key == "-race" {
			return setting.Value == "true"
		}
	}
	return false
}

// program is the path of a program that a test needs. A machine without it
// fails the test and learns which Debian package has it.
func program(t *testing.T, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		// Debian keeps daemons where an ordinary user's PATH does not look.
		if path, err = exec.LookPath(filepath.Join("/usr/sbin", name)); err != nil {
			t.Fatalf("%s is not installed: apt-get install -y %s", name, debianPackage)
		}
	}
	return path
}

// eventually tries until try returns nil, and fails the test with its last
// error if that takes longer than within.
func eventually(t *testing.T, within time.Duration, what string, try func() error) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-deadline.C:
			t.Fatalf("%s: not within %s: %v", what, within, err)
		case <-t.Context().Done():
			t.Fatalf("%s: the test ended: %v", what, err)
		}
	}
}

// seededRandom is a source whose seed is in the test's log.
func seededRandom(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if given := os.Getenv("CAUSETTE_E2E_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("CAUSETTE_E2E_SEED: %v", err)
		}
	}
	t.Logf("CAUSETTE_E2E_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// requests is the one HTTP client of this package. It keeps no connection, so
// that none outlives its test or is found dead after its server was killed.
var requests = &http.Client{
	Transport: &http.Transport{DisableKeepAlives: true},
	Timeout:   15 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	},
}
