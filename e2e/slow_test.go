//go:build linux

package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestSlowReader_CostsOthersNothingAndIsClosedAndResumes(t *testing.T) {
	const (
		slowReaders = 30
		maxPosts    = 3000
		maxGrowth   = 48 << 20 // bytes; a queue for each slow reader would take ten times that
		promptly    = 2 * time.Second
	)
	redis := startRedis(t)
	one := startPlainInstance(t, append([]setting{redis.url(), "LOG_LEVEL=warn", "TAIL_SIZE=262144", "HISTORY_SIZE=100000"}, quiet...)...)
	ana := enter(t, one.base, "ana")
	slow := make([]*stream, slowReaders)
	for n := range slow {
		var err error
		slow[n], err = open(t.Context(), subscription{base: one.base, room: "slow", receiveBuffer: 4096})
		if err != nil {
			t.Fatal(err)
		}
		defer slow[n].close()
		if _, err := slow[n].hello(); err != nil {
			t.Fatal(err)
		}
	}
	healthy, err := open(t.Context(), subscription{base: one.base, room: "slow"})
	if err != nil {
		t.Fatal(err)
	}
	defer healthy.close()

	before := one.residentBytes()
	padding := strings.Repeat("🦜", 1900) // 7,600 bytes
	posts, worst := 0, time.Duration(0)
	for one.metric(`causette_closes_total{reason="slow"}`) < slowReaders {
		if posts >= maxPosts {
			t.Fatalf("%v of %d slow readers closed after %d posts",
				one.metric(`causette_closes_total{reason="slow"}`), slowReaders, posts)
		}
		for range 50 {
			posts++
			begun := time.Now()
			if err := sayAndReceive(t, ana, one.base, healthy, fmt.Sprintf("%d %s", posts, padding)); err != nil {
				t.Fatal(err)
			}
			worst = max(worst, time.Since(begun))
		}
	}
	grown := one.residentBytes() - before
	t.Logf("%d posts of 7.6 KB; post to receipt at worst %s; resident memory grew by %d KiB", posts, worst.Round(time.Microsecond), grown>>10)
	if worst > promptly {
		t.Errorf("a message took %s to the healthy reader", worst)
	}
	if grown > maxGrowth {
		t.Errorf("resident memory grew by %d bytes, want at most %d", grown, maxGrowth)
	}
	if closes := one.metric(`causette_closes_total{reason="slow"}`); closes != slowReaders {
		t.Errorf("%v streams closed as slow, want %d: the healthy one is none", closes, slowReaders)
	}
	resumeAfterSlow(t, slow[0], one.base, posts)
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
