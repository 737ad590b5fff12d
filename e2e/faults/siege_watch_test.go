package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"causette/bench/proc"
)

func TestSiegeWatch_SeesMemoryAndReadinessAndADeath(t *testing.T) {
	t.Parallel()
	var unready atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if unready.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	p, err := proc.Start(t.Context(), "sleep", exec.CommandContext(t.Context(), "sleep", "60"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	ctx, cancel := context.WithCancelCause(t.Context())
	s := newSiegeWatch()
	defer s.wait()
	defer cancel(nil)
	s.start(ctx, &world{instances: []*instance{{base: server.URL, process: p}}}, cancel)
	s.arm()
	seen := func(what string, so func(resident int64, unready map[string]int, looks int) bool) {
		t.Helper()
		if err := until(ctx, 10*time.Second, what, func(context.Context) error {
			if resident, unready, looks := s.seen(); !so(resident, unready, looks) {
				return context.DeadlineExceeded
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	seen("a ready instance", func(resident int64, unready map[string]int, looks int) bool {
		return resident > 0 && len(unready) == 0 && looks > 0
	})
	unready.Store(true)
	seen("an unready one", func(_ int64, unready map[string]int, _ int) bool { return unready["503"] > 0 })
	p.Stop()
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
	}
	if err := context.Cause(ctx); err == nil || !strings.Contains(err.Error(), "died") {
		t.Errorf("after a death: %v", err)
	}
}

func TestResidentPeak_IsThatOfTheProcess(t *testing.T) {
	if n, err := residentPeak(os.Getpid()); err != nil || n < 1<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
}
