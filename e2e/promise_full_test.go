//go:build linux

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestPromise4_AFullRedisIsToldApartFromOneThatIsAway(t *testing.T) {
	redis := startRedis(t, "--maxmemory-policy", "noeviction")
	i := startInstance(t, append([]setting{redis.url()}, quiet...)...)
	mustCall(t, http.StatusCreated, http.MethodPost, i.base+"/messages", asJSON(post{Text: "before", Nickname: "ana"}))
	reader := listen(t, subscription{base: i.base})
	reader.awaitText(5*time.Second, "before")

	redis.command(t, "CONFIG", "SET", "maxmemory", "100kb") // less than it holds
	i.awaitStatus(5*time.Second, "/readyz", http.StatusServiceUnavailable)
	var ready struct{ Status, Redis string }
	if err := json.Unmarshal(mustCall(t, http.StatusServiceUnavailable, http.MethodGet, i.base+"/readyz", "").body, &ready); err != nil {
		t.Fatal(err)
	}
	if ready.Status != "storage_full" || ready.Redis != "full" {
		t.Errorf("/readyz says %+v", ready)
	}
	if full, up := i.metric("causette_redis_full"), i.metric("causette_redis_up"); full != 1 || up != 1 {
		t.Errorf("the metrics say full %v, up %v", full, up)
	}
	mustCall(t, http.StatusOK, http.MethodGet, i.base+"/messages", "") // to read goes on
	if told := reader.named("status"); len(told) > 0 {
		t.Errorf("the reader was told %q", told)
	}

	redis.command(t, "CONFIG", "SET", "maxmemory", "0")
	i.awaitReady(5 * time.Second)
	mustCall(t, http.StatusCreated, http.MethodPost, i.base+"/messages", asJSON(post{Text: "after", Nickname: "ana"}))
	reader.awaitText(5*time.Second, "after")
}

// command runs one command, which Redis must take.
func (r *redisServer) command(t *testing.T, args ...string) {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", r.port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := conn.Write([]byte(b.String())); err != nil {
		t.Fatal(err)
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || answer[0] == '-' {
		t.Fatalf("redis %s: %q, %v", args[0], answer, err)
	}
}
