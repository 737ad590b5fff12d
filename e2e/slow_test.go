//go:build linux

package e2e

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestSlowReader_CostsOthersNothingAndIsClosedAndResumes(t *testing.T) {
	t.Parallel()
	const (
		slowReaders  = 30
		posts        = 900      // of 7.6 KB each: more than the kernel's buffers and the tail hold
		maxGrowth    = 48 << 20 // bytes; a queue for each slow reader would take four times that
		promptly     = 2 * time.Second
		writeTimeout = 30 * time.Second // the server's, for one write to a reader that takes nothing
	)
	redis := startRedis(t)
	one := startPlainInstance(t, append([]setting{redis.url(), "LOG_LEVEL=warn", "TAIL_SIZE=262144"}, quiet...)...)
	ana := enter(t, one.base, "ana")
	slow := make([]*stream, slowReaders)
	for n := range slow {
		slow[n] = openIdle(t, subscription{base: one.base, room: "slow"})
	}
	healthy := openIdle(t, subscription{base: one.base, room: "slow"})

	before := one.residentBytes()
	padding, worst := strings.Repeat("🦜", 1900), time.Duration(0)
	for n := range posts {
		begun := time.Now()
		if err := sayAndReceive(t, ana, one.base, healthy, fmt.Sprintf("%d %s", n+1, padding)); err != nil {
			t.Fatal(err)
		}
		worst = max(worst, time.Since(begun))
	}
	grown := one.residentBytes() - before
	t.Logf("%d posts of 7.6 KB: post to receipt at worst %s; resident memory grew from %d KiB by %d KiB",
		posts, worst.Round(time.Microsecond), before>>10, grown>>10)
	if worst > promptly {
		t.Errorf("a message took %s to the healthy reader", worst)
	}
	if grown > maxGrowth {
		t.Errorf("resident memory grew by %d bytes, want at most %d", grown, maxGrowth)
	}

	// One wakes up and is sent away at once; the others are when their write's time is over.
	resumeAfterSlow(t, slow[0], one.base, posts)
	eventually(t, writeTimeout+10*time.Second, "the slow readers' end", func() error {
		if closes := one.metric(`causette_closes_total{reason="slow"}`); closes != slowReaders {
			return fmt.Errorf("%v streams closed as slow, want %d; as hangup %v, still open %v", closes, slowReaders,
				one.metric(`causette_closes_total{reason="hangup"}`), one.metric("causette_streams"))
		}
		return nil
	})
	if err := sayAndReceive(t, ana, one.base, healthy, "the healthy one is still there"); err != nil {
		t.Error(err)
	}
}

// openIdle opens a stream and reads no further than its hello.
func openIdle(t *testing.T, s subscription) *stream {
	t.Helper()
	st, err := open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.close)
	if _, err := st.hello(); err != nil {
		t.Fatal(err)
	}
	return st
}

// sayAndReceive posts and waits until the reader has it.
func sayAndReceive(t *testing.T, as visitor, base string, reader *stream, text string) error {
	t.Helper()
	as.say(t, base, "slow", text)
	if err := reader.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	for {
		e, err := reader.next()
		if err != nil {
			return fmt.Errorf("healthy reader: %w", err)
		}
		if e.name != "message" {
			continue
		}
		m, err := e.message()
		if err != nil || m.Text != text {
			return fmt.Errorf("healthy reader got %.20q, want %.20q: %w", m.Text, text, err)
		}
		return nil
	}
}

// resumeAfterSlow reads what a closed stream still holds, then the rest by
// resuming: together they are every message, once and in order.
func resumeAfterSlow(t *testing.T, st *stream, base string, posts int) {
	t.Helper()
	const room = "slow"
	next := 1
	drain := func(st *stream) error {
		defer st.close()
		_ = st.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		for next <= posts {
			e, err := st.next()
			if err != nil {
				return err
			}
			if e.name == "bye" {
				if !isBye(t, e, "slow") {
					t.Errorf("the slow reader was told %s", e.data)
				}
				return io.EOF
			}
			if e.name != "message" {
				continue
			}
			m, err := e.message()
			if err != nil {
				t.Fatal(err)
			}
			number, _, _ := strings.Cut(m.Text, " ")
			if number != strconv.Itoa(next) {
				t.Fatalf("the slow reader got message %s where %d belongs", number, next)
			}
			next++
		}
		return nil
	}
	err := drain(st)
	t.Logf("the slow reader's stream ended after %d messages: %v", next-1, err)
	if err == nil {
		t.Fatal("the slow reader's stream holds every message: it was never slow")
	}
	again, err := open(t.Context(), subscription{base: base, room: room, lastID: st.lastID})
	if err != nil {
		t.Fatal(err)
	}
	h, err := again.hello()
	if err != nil || h.Resume != "resumed" {
		t.Fatalf("resume after slow: %+v, %v", h, err)
	}
	if err := drain(again); err != nil {
		t.Errorf("resume after slow: stopped before message %d: %v", next, err)
	}
}
