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
	"testing"
	"time"
)

// instance is one running Causette.
type instance struct {
	*process
	port int
	base string // http://127.0.0.1:port
}

// startup is how long an instance may take until it is ready, on a machine that
// is busy with other things.
const startup = 20 * time.Second

// setting is one environment variable, as NAME=value.
type setting = string

// quiet lifts the limits that a test of something else would run into.
var quiet = []setting{"MESSAGE_RATE=0", "SESSION_RATE=0", "ROOM_RATE=0"}

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
// on loopback, and nothing else of this process's environment. Port 0 is none at all:
// the server's own default, on all interfaces.
func launch(t *testing.T, binary func() (string, error), port int, settings ...setting) *instance {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	cmd.Dir = t.TempDir() // where no .env stands
	cmd.Env = append([]string{"HOME=" + cmd.Dir, "PATH=" + os.Getenv("PATH")}, settings...)
	if port != 0 {
		cmd.Env = append(cmd.Env, "HOST=127.0.0.1", "PORT="+strconv.Itoa(port))
	} else {
		port = 4100
	}
	return &instance{
		process: start(t, fmt.Sprintf("causette :%d", port), cmd),
		port:    port,
		base:    fmt.Sprintf("http://127.0.0.1:%d", port),
	}
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
	a, err := call(i.t.Context(), http.MethodGet, i.base+"/metrics", "")
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
