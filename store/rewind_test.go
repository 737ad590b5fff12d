package store

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
)

// rewind has a Redis crash and come back with the data that it had when keep was
// called: what was written since is lost.
type rewind struct {
	server *realRedisServer
	dir    string
	kept   []byte
}

func startRewindable(t *testing.T) *rewind {
	t.Helper()
	dir := t.TempDir()
	return &rewind{server: startRedis(t, "--dir", dir), dir: dir}
}

func (r *rewind) file() string { return filepath.Join(r.dir, "dump.rdb") }

func (r *rewind) keep(t *testing.T, client redis.UniversalClient) {
	t.Helper()
	if err := client.Save(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	var err error
	if r.kept, err = os.ReadFile(r.file()); err != nil {
		t.Fatal(err)
	}
}

func (r *rewind) goBack(t *testing.T) {
	t.Helper()
	r.server.kill()
	if err := os.WriteFile(r.file(), r.kept, 0o600); err != nil {
		t.Fatal(err)
	}
	r.server.start(t)
}

// severable makes a running Store whose connections can be kept from coming about.
func severable(t *testing.T, addr string) (s *Store, severed *atomic.Bool) {
	t.Helper()
	severed = new(atomic.Bool)
	o, err := redis.ParseURL(redisURL(addr))
	if err != nil {
		t.Fatal(err)
	}
	var dialer net.Dialer
	o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if severed.Load() {
			return nil, errors.New("severed")
		}
		return dialer.DialContext(ctx, network, addr)
	}
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	s = New(Shared(client), quick())
	run(t, s)
	return s, severed
}

// killFeed cuts a store's pub/sub connection.
func killFeed(t *testing.T, s *Store) {
	t.Helper()
	s.feed.mu.Lock()
	session := s.feed.control.session
	s.feed.mu.Unlock()
	if err := session.pubsub.Close(); err != nil {
		t.Fatal(err)
	}
}
