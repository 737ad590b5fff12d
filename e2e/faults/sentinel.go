package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"causette/bench/proc"
)

// replicates are the options of a Redis whose replicas can be kept from following
// it: they come as a user of their own, who can be turned away.
var replicates = []string{
	"--user", "replica", "on", ">secret", "+psync", "+replconf", "+ping",
	"--masteruser", "replica", "--masterauth", "secret",
	"--repl-diskless-sync-delay", "0",
}

// master is what the Sentinels call the one that they watch.
const master = "faults"

// sentinels are three Sentinels that watch a Redis and its replica.
type sentinels struct {
	ports     []int
	processes []*proc.Process
}

// sentinelRedis starts a Redis, its replica, three Sentinels, and two instances that
// ask these where the Redis is.
func sentinelRedis(ctx context.Context, w *world) error {
	options := slices.Concat(keepsASecond, replicates)
	first, err := w.addRedis(ctx, options...)
	if err != nil {
		return err
	}
	if _, err := w.addRedis(ctx, slices.Concat(options, []string{"--replicaof", "127.0.0.1", strconv.Itoa(first.port)})...); err != nil {
		return err
	}
	w.sentinels = &sentinels{}
	for range 3 {
		if err := w.sentinels.add(ctx, w.dir, first.port); err != nil {
			return err
		}
	}
	for _, port := range w.sentinels.ports {
		if err := until(ctx, 30*time.Second, "the sentinels know each other and the replica", func(ctx context.Context) error {
			if _, err := redisCLI(ctx, port, "SENTINEL", "CKQUORUM", master); err != nil {
				return err
			}
			about, err := redisCLI(ctx, port, "SENTINEL", "MASTER", master)
			if err == nil && (!strings.Contains(about, "num-slaves\n1") || !strings.Contains(about, "num-other-sentinels\n2")) {
				err = fmt.Errorf("%s", about)
			}
			return err
		}); err != nil {
			return err
		}
	}
	url := fmt.Sprintf("REDIS_URL=redis://127.0.0.1:%d?master_name=%s&addr=127.0.0.1:%d&addr=127.0.0.1:%d",
		w.sentinels.ports[0], master, w.sentinels.ports[1], w.sentinels.ports[2])
	for range 2 {
		if err := w.addInstance(ctx, w.binary, url); err != nil {
			return err
		}
	}
	return nil
}

// add starts a Sentinel.
func (s *sentinels) add(ctx context.Context, dir string, watched int) error {
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	conf := filepath.Join(dir, fmt.Sprintf("sentinel-%d.conf", port))
	lines := fmt.Sprintf(`port %d
bind 127.0.0.1
dir %s
sentinel monitor %s 127.0.0.1 %d 2
sentinel down-after-milliseconds %s 1000
sentinel failover-timeout %s 6000
`, port, dir, master, watched, master, master)
	if err := os.WriteFile(conf, []byte(lines), 0o600); err != nil {
		return err
	}
	p, err := proc.Start(ctx, fmt.Sprintf("sentinel :%d", port), exec.CommandContext(ctx, "redis-server", conf, "--sentinel"))
	if err != nil {
		return err
	}
	s.ports, s.processes = append(s.ports, port), append(s.processes, p)
	return nil
}

// where is the port of the Redis that is master, as a Sentinel says.
func (s *sentinels) where(ctx context.Context) (int, error) {
	answer, err := redisCLI(ctx, s.ports[0], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", master)
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(answer)
	return strconv.Atoi(fields[len(fields)-1])
}

func (s *sentinels) kill() {
	if s == nil {
		return
	}
	for _, p := range s.processes {
		p.Stop()
	}
}

// failOver has the replica take over without the last second of what the master
// accepted. The old master was only paused: when it goes on, it believes for a
// moment to be master still.
func failOver(ctx context.Context, w *world) (string, error) {
	old := w.redises[0]
	defer w.sendAway()()
	lost, err := leaveBehind(ctx, w, old)
	if err != nil {
		return "", err
	}
	old.signal(syscall.SIGSTOP)
	begun := time.Now()
	err = until(ctx, time.Minute, "the replica takes over", func(ctx context.Context) error {
		port, err := w.sentinels.where(ctx)
		if err == nil && port == old.port {
			err = fmt.Errorf("redis :%d is master still", port)
		}
		return err
	})
	took := time.Since(begun)
	if err == nil {
		err = w.more(ctx, 40) // on the new one
	}
	old.signal(syscall.SIGCONT)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("about %d accepted messages were on the old master only; the replica took over after %.1f s", lost, took.Seconds()), w.settle(ctx)
}

// leaveBehind keeps a master's replicas from following it for a second, and tells
// how many messages it accepted in that time.
func leaveBehind(ctx context.Context, w *world, old *redisServer) (int, error) {
	if _, err := old.tell(ctx, "ACL", "SETUSER", "replica", "off"); err != nil {
		return 0, err
	}
	if _, err := old.tell(ctx, "CLIENT", "KILL", "TYPE", "replica"); err != nil {
		return 0, err
	}
	before := w.ledger.total()
	err := pause(ctx, time.Second)
	return w.ledger.total() - before, err
}
