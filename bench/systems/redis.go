package systems

import (
	"context"
	"os/exec"

	"causette/bench/proc"
)

// StartRedis starts a Redis that keeps nothing on disk.
func StartRedis(ctx context.Context, shop *Shop) (*proc.Process, string, error) {
	address, port, err := freeAddress(ctx)
	if err != nil {
		return nil, "", err
	}
	dir, err := shop.scratch("redis")
	if err != nil {
		return nil, "", err
	}
	cmd := exec.CommandContext(ctx, "redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", dir,
		"--save", "", "--appendonly", "no", "--daemonize", "no", "--tcp-backlog", "4096")
	cmd.Env = proc.Environment()
	p, err := proc.Start(ctx, "Redis", cmd)
	if err != nil {
		return nil, "", err
	}
	if err := p.Listening(ctx, address); err != nil {
		p.Stop()
		return nil, "", err
	}
	return p, address, nil
}
