//go:build linux

package e2e

import (
	"fmt"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// redisServer is a real Redis that a test can kill and start again on the same
// port, with what it had written.
type redisServer struct {
	*process
	port    int
	dir     string
	options []string
}

// durable makes Redis keep every write before it answers.
var durable = []string{"--appendonly", "yes", "--appendfsync", "always"}

// startRedis starts a redis-server on a free port and waits until it is ready.
func startRedis(t *testing.T, options ...string) *redisServer {
	t.Helper()
	r := &redisServer{port: freePort(t), dir: t.TempDir(), options: options}
	r.start(t)
	return r
}

// start starts a killed server again.
func (r *redisServer) start(t *testing.T) {
	t.Helper()
	args := append([]string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(r.port),
		"--dir", r.dir, "--save", "", "--daemonize", "no",
	}, r.options...)
	cmd := exec.Command(program(t, "redis-server", "redis-server"), args...)
	r.process = start(t, fmt.Sprintf("redis :%d", r.port), cmd)
	r.awaitOutput(15*time.Second, "Ready to accept connections")
}

// url is the setting that makes an instance use this server.
func (r *redisServer) url() setting {
	return fmt.Sprintf("REDIS_URL=redis://127.0.0.1:%d", r.port)
}
