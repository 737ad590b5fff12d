//go:build linux

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

const drain = 2 * time.Second

func TestSIGTERM_EveryStreamGetsByeWithARetryAndTheProcessExitsInTime(t *testing.T) {
	t.Parallel()
	const streams = 12
	redis := startRedis(t)
	one := startInstance(t, redis.url(), "DRAIN="+drain.String())
	var readers []*listener
	for range streams {
		readers = append(readers, listen(t, subscription{base: one.base}))
	}

	begun := time.Now()
	one.signal(syscall.SIGTERM)
	one.awaitStatus(drain, "/readyz", http.StatusServiceUnavailable)
	late, err := open(t.Context(), subscription{base: one.base})
	if err == nil { // the listener may be closed already
		defer late.close()
		e, err := late.next()
		if err != nil || late.response.StatusCode != http.StatusOK || !isBye(t, e, "drain") || late.retry == "" {
			t.Errorf("a stream opened meanwhile: %s, %q %s, retry %q, %v", late.response.Status, e.name, e.data, late.retry, err)
		}
	}

	retries := map[string]bool{}
	for n, r := range readers {
		r.await(drain+3*time.Second, "bye", func(e event) bool { return isBye(t, e, "drain") })
		r.awaitEnd(3 * time.Second)
		if r.reconnection() == "" {
			t.Errorf("reader %d got no retry", n)
		}
		retries[r.reconnection()] = true
	}
	if len(retries) < 2 {
		t.Errorf("%d readers got the retries %v, want them spread", streams, retries)
	}
	if code := one.exitCode(drain + 2*time.Second - time.Since(begun)); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestSIGTERM_AReaderThatTakesNothingHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	one := startInstance(t, append([]setting{redis.url(), "DRAIN=1s"}, quiet...)...)
	ana := enter(t, one.base, "ana")
	stalled := openIdle(t, subscription{base: one.base})
	healthy := listen(t, subscription{base: one.base})
	padding := strings.Repeat("🦜", 1900)
	for n := range 900 { // more than the kernel's buffers hold for stalled
		ana.say(t, one.base, "", fmt.Sprintf("%d %s", n, padding))
	}
	healthy.awaitText(10*time.Second, "899 "+padding)

	begun := time.Now()
	one.signal(syscall.SIGTERM)
	healthy.await(5*time.Second, "bye", func(e event) bool { return isBye(t, e, "drain") })
	if code := one.exitCode(10 * time.Second); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	t.Logf("exited %s after SIGTERM", time.Since(begun).Round(time.Millisecond))
	stalled.close()
}

func isBye(t *testing.T, e event, reason string) bool {
	t.Helper()
	return e.name == "bye" && read[struct{ Reason string }](t, e.data).Reason == reason
}

func TestRollingRestart_LosesNothingAndIsSilent(t *testing.T) {
	t.Parallel()
	const theEnd = "the end"
	redis := startRedis(t)
	settings := append([]setting{redis.url(), "DRAIN=1s", "HEARTBEAT=1s"}, quiet...)
	var instances []*instance
	var bases []string
	for range 2 {
		i := startInstance(t, settings...)
		instances, bases = append(instances, i), append(bases, i.base)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 75*time.Second)
	defer cancel()
	following, ctx := errgroup.WithContext(ctx)
	followers := make([]*follower, 4)
	for n := range followers {
		followers[n] = &follower{as: enter(t, bases[n%2], fmt.Sprintf("reader%d", n)), until: theEnd}
		following.Go(func() error { return followers[n].follow(ctx, bases, n) })
	}
	for _, base := range bases {
		awaitPeople(t, base, len(followers), "reader0", "reader1", "reader2", "reader3")
	}
	writer := enter(t, bases[0], "writer")
	writer.say(t, bases[0], "", "a fence: what came before is of their coming")
	for _, f := range followers {
		eventually(t, 5*time.Second, "the fence", func() error { return f.has(1) })
		f.forget()
	}

	stopPosts := writer.keepPosting(ctx, following, bases)
	for n, old := range instances {
		took := old.terminate(6 * time.Second)
		t.Logf("instance %d stopped in %s", n, took.Round(time.Millisecond))
		launch(t, checkedBinary, old.port, settings...).awaitReady(startup)
	}
	posted := stopPosts()
	awaitQuiet(t, followers, 12) // pings, one a second: past the leases of the stopped instances
	writer.say(t, bases[1], "", theEnd)
	if err := following.Wait(); err != nil {
		t.Fatal(err)
	}

	want := history(t, bases[0], "")
	checkEachOnce(t, want, 1, posted)
	for n, f := range followers {
		if !slices.Equal(f.list, want) {
			t.Errorf("follower %d has %d messages, the log %d, or not the same", n, len(f.list), len(want))
		}
		if f.streams < 2 {
			t.Errorf("follower %d was never sent away", n)
		}
		f.checkSilence(t, n, len(followers))
	}
}

// keepPosting posts all the time, going to the other instance when one is away,
// until the returned function is called, which tells how many were accepted.
func (v visitor) keepPosting(ctx context.Context, group *errgroup.Group, bases []string) (stop func() int) {
	enough, count := make(chan struct{}), make(chan int, 1)
	group.Go(func() error {
		n := 0
		defer func() { count <- n }()
		pace := time.NewTicker(5 * time.Millisecond)
		defer pace.Stop()
		for {
			select {
			case <-enough:
				return nil
			case <-pace.C:
			}
			p := post{Text: fmt.Sprintf("w0 m%d", n), Nonce: fmt.Sprintf("m%d", n)}
			if err := v.insist(ctx, bases, p); err != nil {
				return err
			}
			n++
		}
	})
	return func() int {
		close(enough)
		return <-count
	}
}

// awaitQuiet waits until every follower has heard so many more pings.
func awaitQuiet(t *testing.T, followers []*follower, pings int) {
	t.Helper()
	before := make([]int, len(followers))
	for n, f := range followers {
		before[n] = f.count("ping")
	}
	for n, f := range followers {
		eventually(t, 30*time.Second, "pings", func() error {
			if heard := f.count("ping") - before[n]; heard < pings {
				return fmt.Errorf("follower %d heard %d, want %d", n, heard, pings)
			}
			return nil
		})
	}
}

// has returns nil once the follower has so many messages.
func (f *follower) has(messages int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) < messages {
		return fmt.Errorf("%d messages, want %d", len(f.list), messages)
	}
	return nil
}

// checkSilence holds what a follower saw to a room where nobody came or went.
func (f *follower) checkSilence(t *testing.T, n, participants int) {
	t.Helper()
	for _, e := range f.others {
		switch e.name {
		case "notice":
			t.Errorf("follower %d was told %s", n, e.data)
		case "presence":
			if p := read[struct{ Participants int }](t, e.data); p.Participants != participants {
				t.Errorf("follower %d was told of %d participants, want %d all along", n, p.Participants, participants)
			}
		}
	}
}
