//go:build linux

package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

func TestRedisUnreachable_ThePageIsServedNothingIsEmbeddedAndItComesAliveWithRedis(t *testing.T) {
	t.Parallel()
	redis := &redisServer{port: freePort(t), dir: t.TempDir()}
	one := launch(t, checkedBinary, freePort(t), redis.url(), "HEARTBEAT=1s")
	one.awaitStatus(10*time.Second, "/healthz", http.StatusOK)

	mustCall(t, http.StatusOK, http.MethodGet, one.base+"/", "")
	mustCall(t, http.StatusServiceUnavailable, http.MethodGet, one.base+"/readyz", "")
	for _, path := range []string{"/messages", "/participants", "/rooms"} {
		a := mustCall(t, http.StatusServiceUnavailable, http.MethodGet, one.base+path, "")
		if _, err := a.problem(); err != nil {
			t.Errorf("GET %s: %v", path, err)
		}
	}
	a := mustCall(t, http.StatusServiceUnavailable, http.MethodPost, one.base+"/messages", asJSON(post{Text: "salut", Nickname: "ana"}))
	if _, err := a.problem(); err != nil || a.header.Get("Retry-After") == "" {
		t.Errorf("problem: %v; Retry-After %q", err, a.header.Get("Retry-After"))
	}
	if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", redis.port)); err == nil {
		_ = conn.Close()
		t.Error("something listens where REDIS_URL points: nothing may be embedded")
	}

	redis.start(t)
	one.awaitReady(15 * time.Second)
	ana := enter(t, one.base, "ana")
	reader := listen(t, subscription{base: one.base})
	reader.awaitText(5*time.Second, ana.say(t, one.base, "", "enfin").Text)
}

func TestRedisUnreachable_AStreamOpenedMeanwhileComesAliveWithRedis(t *testing.T) {
	t.Parallel()
	redis := startRedis(t, durable...)
	one := startInstance(t, redis.url())
	before := enter(t, one.base, "ana").say(t, one.base, "", "before")
	redis.kill()
	one.awaitStatus(10*time.Second, "/readyz", http.StatusServiceUnavailable)

	got := make(chan message, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	reading, ctx := errgroup.WithContext(ctx)
	reading.Go(func() error {
		m, err := firstMessage(ctx, one.base)
		got <- m
		return err
	})
	redis.start(t)
	if err := reading.Wait(); err != nil {
		t.Fatal(err)
	}
	if m := <-got; m != before {
		t.Errorf("the stream began with %+v, want %+v", m, before)
	}
}

// firstMessage reads the lobby as an EventSource does: it comes back when a
// stream ends, and gives up for good on another status than 200.
func firstMessage(ctx context.Context, base string) (message, error) {
	for {
		st, err := open(ctx, subscription{base: base})
		if err != nil {
			return message{}, err
		}
		if st.response.StatusCode != http.StatusOK {
			st.close()
			return message{}, fmt.Errorf("the stream was answered %s", st.response.Status)
		}
		for err == nil {
			var e event
			if e, err = st.next(); err == nil && e.name == "message" {
				st.close()
				return e.message()
			}
		}
		st.close()
		if ctx.Err() != nil {
			return message{}, fmt.Errorf("no message: %w", context.Cause(ctx))
		}
	}
}
