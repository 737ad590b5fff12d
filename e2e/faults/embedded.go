package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// inside is the flag of the run that is alone on a loopback of its own.
const inside = "inside"

// aloneScript brings up the loopback, which is all the network there is: Chromium
// takes itself for offline, and the page has to come back all the same.
const aloneScript = `PATH="$PATH:/usr/sbin:/sbin"
ip link set lo up
exec "$0" "$@"`

// alone does a row in a network namespace of its own, by running this program
// again there: the machine's own Redis, at 127.0.0.1:6379, goes before an embedded one.
func (l *lab) alone(ctx context.Context, h harm, seed uint64, each int) result {
	r := result{harm: h}
	self, err := os.Executable()
	if err != nil {
		r.err = err
		return r
	}
	args := []string{"--net"}
	if os.Geteuid() != 0 {
		args = append(args, "--map-root-user")
	}
	args = append(args, "--", "sh", "-c", aloneScript, self,
		"-"+inside, l.binary, "-only", h.name, "-seed", fmt.Sprint(seed), "-readers", fmt.Sprint(each))
	cmd := exec.CommandContext(ctx, "unshare", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	r.line = lines[len(lines)-1]
	if err != nil {
		r.err = fmt.Errorf("in a network of its own: %w", err)
	} else if !strings.HasPrefix(r.line, "| "+h.what) {
		r.err = errors.New("in a network of its own: it printed no row")
	}
	return r
}

// embeddedRedis starts three instances without a word about Redis: the first holds it,
// where nobody but this row's instances looks for it.
func embeddedRedis(ctx context.Context, w *world) error {
	for range 3 {
		if err := w.addInstance(ctx, w.binary, "XDG_RUNTIME_DIR="+w.dir); err != nil {
			return err
		}
	}
	return nil
}

// takeOver kills the instance that holds the embedded Redis, and has another take over.
func takeOver(ctx context.Context, w *world) (string, error) {
	holder := -1
	for i, instance := range w.instances {
		about, err := get(ctx, instance.base+"/readyz")
		if err != nil {
			return "", err
		}
		if strings.Contains(about, `"embedded":true`) {
			holder = i
		}
	}
	if holder < 0 {
		return "", errors.New("nobody holds the embedded Redis")
	}
	w.instances[holder].kill()
	if err := w.settle(ctx); err != nil {
		return "", err
	}
	return "", w.instances[holder].start(ctx)
}
