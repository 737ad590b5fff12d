//go:build linux

package e2e

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// instance is one running Causette.
type instance struct {
	*process
	port  int
	base  string // http://127.0.0.1:port
	admin string // http://127.0.0.1:port of its metrics
}

// startup is how long an instance may take until it is ready, on a machine that
// is busy with other things.
const startup = 20 * time.Second

// setting is one environment variable, as NAME=value.
type setting = string

// quiet lifts the limits that a test of something else would run into.
var quiet = []setting{"MESSAGE_RATE=0", "SESSION_RATE=0", "ROOM_RATE=0", "REQUEST_RATE=0"}

// startInstance starts a server with these settings on a free port and waits
// until it is ready.
func startInstance(t *testing.T, settings ...setting) *instance {
	t.Helper()
	i := launch(t, checkedBinary, freePort(t), settings...)
	i.awaitReady(startup)
	return i
}

// startPlainInstance is startInstance without the race detector in any case.
func startPlainInstance(t *testing.T, settings ...setting) *instance {
	t.Helper()
	i := launch(t, plainBinary, freePort(t), settings...)
	i.awaitReady(startup)
	return i
}

// launch starts a server and returns at once. It sees these settings, its port
// on loopback, one for its metrics, the test's directory for sockets, and nothing else of
// this process's environment. Port 0 is none at all: the server's own defaults, on all
// interfaces.
func launch(t *testing.T, binary func() (string, error), port int, settings ...setting) *instance {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	cmd.Dir = t.TempDir() // where no .env stands
	cmd.Env = []string{"HOME=" + cmd.Dir, "PATH=" + os.Getenv("PATH"), "XDG_RUNTIME_DIR=" + runtimeDir(t)}
	admin := 14100
	if port != 0 {
		admin = freePort(t)
		cmd.Env = append(cmd.Env, "HOST=127.0.0.1", "PORT="+strconv.Itoa(port), fmt.Sprintf("ADMIN_ADDR=127.0.0.1:%d", admin))
	} else {
		port = 4100
	}
	cmd.Env = append(cmd.Env, settings...)
	return &instance{
		process: start(t, fmt.Sprintf("causette :%d", port), cmd),
		port:    port,
		base:    fmt.Sprintf("http://127.0.0.1:%d", port),
		admin:   fmt.Sprintf("http://127.0.0.1:%d", admin),
	}
}

var (
	runtimeDirsMu sync.Mutex
	runtimeDirs   = map[*testing.T]string{} // guarded by runtimeDirsMu
)

// runtimeDir is where a test's instances, and nobody else's, find each other's embedded
// Redis. Its name is short, since a socket's path has little room.
func runtimeDir(t *testing.T) string {
	t.Helper()
	runtimeDirsMu.Lock()
	defer runtimeDirsMu.Unlock()
	if dir := runtimeDirs[t]; dir != "" {
		return dir
	}
	dir, err := os.MkdirTemp("", "causette-") //nolint:usetesting // whose names are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	runtimeDirs[t] = dir
	t.Cleanup(func() {
		runtimeDirsMu.Lock()
		defer runtimeDirsMu.Unlock()
		delete(runtimeDirs, t)
		_ = os.RemoveAll(dir)
	})
	return dir
}

// awaitReady waits until the instance says that it can serve.
func (i *instance) awaitReady(within time.Duration) {
	i.t.Helper()
	i.awaitStatus(within, "/readyz", http.StatusOK)
}

func (i *instance) awaitStatus(within time.Duration, path string, want int) {
	i.t.Helper()
	eventually(i.t, within, fmt.Sprintf("%s: %d on %s", i.name, want, path), func() error {
		if !i.running() {
			i.t.Fatalf("%s: ended while it was waited for", i.name)
		}
		a, err := call(i.t.Context(), http.MethodGet, i.base+path, "")
		if err != nil {
			return err
		}
		if a.status != want {
			return fmt.Errorf("status %d: %s", a.status, a.body)
		}
		return nil
	})
}

// metric is a sample of /metrics, named as it stands there, such as
// causette_closes_total{reason="slow"}; 0 where there is none.
func (i *instance) metric(sample string) float64 {
	i.t.Helper()
	a, err := call(i.t.Context(), http.MethodGet, i.admin+"/metrics", "")
	if err != nil || a.status != http.StatusOK {
		i.t.Fatalf("metrics of %s: status %d, error %v", i.name, a.status, err)
	}
	lines := bufio.NewScanner(strings.NewReader(string(a.body)))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if name != sample {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			i.t.Fatalf("metric %s: %v", sample, err)
		}
		return v
	}
	return 0
}
