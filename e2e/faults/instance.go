package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"causette/bench/proc"
)

// heartbeat is the instances' HEARTBEAT, short so that a dead stream is soon noticed.
const heartbeat = 2 * time.Second

// instance is one Causette, which may be killed and started again on its port.
type instance struct {
	// Static after construction.
	binary   string
	dir      string
	port     int
	base     string // http://127.0.0.1:port
	admin    string // http://127.0.0.1:port of its metrics
	settings []string

	process *proc.Process // owned by the row's goroutine
}

// newInstance starts an instance and waits until it is ready.
func newInstance(ctx context.Context, binary, dir string, settings ...string) (*instance, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	admin, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	i := &instance{
		binary: binary, dir: dir, port: port, settings: settings,
		base: fmt.Sprintf("http://127.0.0.1:%d", port), admin: fmt.Sprintf("http://127.0.0.1:%d", admin),
	}
	if err := i.launch(ctx); err != nil {
		return nil, err
	}
	return i, i.ready(ctx)
}

// start starts it, again if it ran before, and waits until it is ready.
func (i *instance) start(ctx context.Context) error {
	if err := i.launch(ctx); err != nil {
		return err
	}
	return i.ready(ctx)
}

func (i *instance) launch(ctx context.Context) (err error) {
	cmd := exec.CommandContext(ctx, i.binary)
	cmd.Dir = i.dir // where no .env stands
	cmd.Env = append([]string{
		"HOME=" + i.dir, "PATH=" + os.Getenv("PATH"), "HOST=127.0.0.1", "PORT=" + strconv.Itoa(i.port),
		"ADMIN_ADDR=" + strings.TrimPrefix(i.admin, "http://"),
		"MESSAGE_RATE=0", "SESSION_RATE=0", "ROOM_RATE=0", "STREAM_RATE=0", "REQUEST_RATE=0",
		"LOG_LEVEL=warn", "HEARTBEAT=" + heartbeat.String(),
	}, i.settings...)
	i.process, err = proc.Start(ctx, fmt.Sprintf("causette :%d", i.port), cmd)
	return err
}

// ready waits until the instance says that it can serve.
func (i *instance) ready(ctx context.Context) error {
	return until(ctx, 30*time.Second, fmt.Sprintf("instance :%d is ready", i.port), func(ctx context.Context) error {
		select {
		case <-i.process.Over():
			return fmt.Errorf("it ended: %s", i.process.Output())
		default:
		}
		_, err := get(ctx, i.base+"/readyz")
		return err
	})
}

// kill is kill -9.
func (i *instance) kill() { i.process.Stop() }

// terminate sends SIGTERM and waits for the end, which must be an orderly one.
func (i *instance) terminate(ctx context.Context) error {
	i.process.Signal(syscall.SIGTERM)
	select {
	case <-i.process.Over():
	case <-time.After(30 * time.Second):
		return fmt.Errorf("instance :%d runs on after SIGTERM", i.port)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if code := i.process.ExitCode(); code != 0 {
		return fmt.Errorf("instance :%d: exit code %d after SIGTERM: %s", i.port, code, i.process.Output())
	}
	return nil
}

// trouble is what no instance may ever print.
func (i *instance) trouble() error {
	output := i.process.Output()
	for _, bad := range []string{"panic:", "msg=panic", "DATA RACE", "fatal error:"} {
		if strings.Contains(output, bad) {
			return fmt.Errorf("instance :%d printed a %q: %s", i.port, bad, output)
		}
	}
	return nil
}

// build makes the server's binary at path, with the race detector if this program has it.
func build(ctx context.Context, path string, flags ...string) (string, error) {
	args := append([]string{"build", "-o", path}, flags...)
	if raceDetector() {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "causette")...)
	_, err := proc.Run(ctx, "go build", cmd)
	return path, err
}

// plain asks short questions. It keeps no connection, which would be found dead
// after its server was killed.
var plain = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}

// get is the body of a 200.
func get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := plain.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %.200s", url, response.Status, body)
	}
	return string(body), err
}

// until tries until try returns nil, and fails with its last error if that takes
// longer than within.
func until(ctx context.Context, within time.Duration, what string, try func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	last := fmt.Errorf("not tried")
	for {
		err := try(bounded)
		if err == nil {
			return nil
		}
		if bounded.Err() == nil {
			last = err // what an ended context says is no news
		}
		if pause(bounded, 50*time.Millisecond) != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("%s: not within %s: %w", what, within, last)
		}
	}
}
