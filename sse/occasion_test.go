package sse

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestOccasion_ComesOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o occasion
		said := 0
		for range 150 {
			if o.comes() {
				said++
			}
			time.Sleep(time.Second)
		}
		if said != 3 {
			t.Errorf("said %d times in 150 s", said)
		}
	})
}

func TestAdmit_RefusalsAreLoggedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		w := newWorld(t, Options{MaxStreams: 1, Log: slog.New(slog.NewTextHandler(&logged, nil))})
		w.connect(t, Subscription{})
		for range 20 {
			w.connect(t, Subscription{})
		}
		if n := strings.Count(logged.String(), "streams refused"); n != 1 || !strings.Contains(logged.String(), "limit=1") {
			t.Errorf("logged %q", logged.String())
		}
	})
}
