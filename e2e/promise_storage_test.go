//go:build linux

package e2e

import (
	"fmt"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// cli asks a Redis by redis-cli.
func (r *redisServer) cli(t *testing.T, args ...string) string {
	t.Helper()
	args = append([]string{"-p", strconv.Itoa(r.port)}, args...)
	out, err := exec.CommandContext(t.Context(), program(t, "redis-cli", "redis-tools"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("redis-cli %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// usedMemory is what a Redis says that it holds.
func (r *redisServer) usedMemory(t *testing.T) int64 {
	t.Helper()
	for line := range strings.Lines(r.cli(t, "info", "memory")) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "used_memory:"); ok {
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("INFO memory has no used_memory")
	return 0
}

// fillWith has visitors post texts of so many bytes, four for each character, to rooms, each as fast as it is answered,
// until stop says so of an answer. It returns how many posts were accepted.
func fillWith(t *testing.T, base string, visitors []visitor, room func(n int64) string, bytes int, stop func(answer) bool, header ...string) int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: len(visitors)}, Timeout: 15 * time.Second}
	defer client.CloseIdleConnections()
	var sent, accepted atomic.Int64
	var over atomic.Bool
	var wg sync.WaitGroup
	text := strings.Repeat("🙂", bytes/4)
	for _, v := range visitors {
		wg.Go(func() {
			for !over.Load() {
				body := asJSON(post{Room: room(sent.Add(1)), Text: text})
				a, err := callWith(t.Context(), client, http.MethodPost, base+"/messages", body, append(header, v.bearer())...)
				if err != nil {
					t.Errorf("post: %v", err)
					return
				}
				if a.status == http.StatusCreated {
					accepted.Add(1)
				}
				if stop(a) {
					over.Store(true)
				}
			}
		})
	}
	wg.Wait()
	return int(accepted.Load())
}

// several are so many visitors.
func several(t *testing.T, base string, n int) (all []visitor) {
	t.Helper()
	for i := range n {
		all = append(all, enter(t, base, fmt.Sprintf("ana%d", i)))
	}
	return all
}

func TestPromise4_RedisStaysWithinItsMaxmemoryAndReadingGoesOn(t *testing.T) {
	t.Parallel()
	const maxmemory = 48 << 20
	redis := startRedis(t, "--maxmemory", "48mb", "--maxmemory-policy", "noeviction")
	one := startPlainInstance(t, append([]setting{redis.url(), "LOG_LEVEL=error"}, quiet...)...)
	visitors := several(t, one.base, 8)
	var refused, other atomic.Int64
	var last atomic.Pointer[answer]
	var answers atomic.Int64
	room := func(n int64) string { return fmt.Sprintf("room%d", n%10) }
	fillWith(t, one.base, visitors, room, 8000, func(a answer) bool {
		switch p, _ := a.problem(); {
		case a.status == http.StatusServiceUnavailable && p.Code == "storage_full" && a.header.Get("Retry-After") != "":
			refused.Add(1)
		case a.status != http.StatusCreated:
			other.Add(1)
			last.Store(&a)
		}
		return answers.Add(1) >= 12_000 || refused.Load() >= 1000 // 12,000 are 96 MB
	})
	if used := redis.usedMemory(t); used > maxmemory+2<<20 {
		t.Errorf("Redis uses %d bytes, and may use %d", used, maxmemory)
	}
	if refused.Load() < 1000 || other.Load() > 0 {
		t.Errorf("%d posts were refused as they should, %d otherwise, such as %+v", refused.Load(), other.Load(), last.Load())
	}
	// Reading goes on: the log, and a new stream.
	if a := mustCall(t, http.StatusOK, http.MethodGet, one.base+"/messages?room=room1&limit=1", ""); !strings.Contains(string(a.body), "🙂🙂🙂") {
		t.Errorf("the room is empty: %s", a.body)
	}
	listen(t, subscription{base: one.base, room: "room1"}) // whose hello it awaits
	// Once there is memory, posts go on by themselves.
	redis.cli(t, "del", "chat:{room2}:log", "chat:{room2}:head")
	eventually(t, 15*time.Second, "posts go on", func() error {
		a, err := call(t.Context(), http.MethodPost, one.base+"/messages", asJSON(post{Room: "room1", Text: "salut"}), visitors[0].bearer())
		if err == nil && a.status != http.StatusCreated {
			err = fmt.Errorf("status %d: %s", a.status, a.body)
		}
		return err
	})
}

// A limiter's state is written to Redis as the messages are. If Redis takes those and not the
// state, the limit is not known to hold.
func TestPromise3_TheRateHoldsWhileRedisIsFull(t *testing.T) {
	t.Parallel()
	redis := startRedis(t, "--maxmemory-policy", "noeviction")
	one := startPlainInstance(t, redis.url(), "SESSION_RATE=0", "ROOM_RATE=0", "LOG_LEVEL=error")
	ana := enter(t, one.base, "ana")
	redis.cli(t, "config", "set", "maxmemory", "500kb") // less than it uses
	begun := time.Now()
	accepted := fillWith(t, one.base, []visitor{ana}, func(n int64) string { return fmt.Sprintf("room%d", n%100) }, 10,
		func(answer) bool { return time.Since(begun) > 3*time.Second })
	if most := 20 + 10 + int(5*time.Since(begun).Seconds()) + 10; accepted > most {
		t.Errorf("%d messages were accepted in %s, at most %d may be", accepted, time.Since(begun), most)
	}
	redis.cli(t, "config", "set", "maxmemory", "0")
	eventually(t, 15*time.Second, "it can speak again", func() error {
		a, err := call(t.Context(), http.MethodPost, one.base+"/messages", asJSON(post{Text: "salut"}), ana.bearer())
		if err == nil && a.status != http.StatusCreated {
			err = fmt.Errorf("status %d: %s", a.status, a.body)
		}
		return err
	})
}

func TestPromise4_ARoomStaysWithinItsBytes(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	const bound = 1 << 20
	one := startPlainInstance(t, append([]setting{redis.url(), "LOG_LEVEL=error", fmt.Sprintf("HISTORY_BYTES=%d", bound)}, quiet...)...)
	visitors := several(t, one.base, 4)
	var answers atomic.Int64
	said := fillWith(t, one.base, visitors, func(int64) string { return "lobby" }, 8000, func(answer) bool { return answers.Add(1) >= 400 })
	if said < 400 {
		t.Errorf("%d messages were accepted", said)
	}
	used, err := strconv.Atoi(redis.cli(t, "memory", "usage", "chat:{lobby}:log", "samples", "0"))
	if err != nil || used > bound*5/4 {
		t.Errorf("the room's log takes %d bytes, error %v", used, err)
	}
	// What is left is the newest, without a hole, and what was there before is a gap.
	newest := read[struct {
		Messages []message `json:"messages"`
		More     bool      `json:"more"`
	}](t, string(mustCall(t, http.StatusOK, http.MethodGet, one.base+"/messages?limit=200", "").body))
	kept := len(newest.Messages)
	if kept < bound/8300-1 || kept > bound/8000 || newest.More {
		t.Errorf("%d messages of 8,000 bytes are kept, more: %v", kept, newest.More)
	}
	epoch, _, _ := strings.Cut(newest.Messages[0].ID, "-")
	mustCall(t, http.StatusGone, http.MethodGet, one.base+"/messages?after="+epoch+"-0", "")
}
