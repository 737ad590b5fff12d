//go:build linux

package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestPromise4_AFullRedisIsToldApartFromOneThatIsAway(t *testing.T) {
	redis := startRedis(t, "--maxmemory", "8mb", "--maxmemory-policy", "noeviction")
	i := startInstance(t, append([]setting{redis.url()}, quiet...)...)
	mustCall(t, http.StatusCreated, http.MethodPost, i.base+"/messages", asJSON(post{Text: "before", Nickname: "ana"}))
	reader := listen(t, subscription{base: i.base})
	reader.awaitText(5*time.Second, "before")

	redis.command(t, "SET", "filling", strings.Repeat("x", 8<<20)) // the write that goes past the limit is let pass
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
	for _, b := range reader.seen().blocks {
		if b.event == "status" {
			t.Errorf("the reader was told %s", b.data)
		}
	}

	redis.command(t, "DEL", "filling")
	i.awaitReady(5 * time.Second)
	mustCall(t, http.StatusCreated, http.MethodPost, i.base+"/messages", asJSON(post{Text: "after", Nickname: "ana"}))
	reader.awaitText(5*time.Second, "after")
}
