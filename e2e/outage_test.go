//go:build linux

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

func TestRedisKilledAndBack_StreamsStayOpenAndNothingAcceptedIsLostOrDoubled(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 150
	redis := startRedis(t, durable...)
	settings := append([]setting{redis.url()}, quiet...)
	one, two := startInstance(t, settings...), startInstance(t, settings...)
	bases := []string{one.base, two.base}
	readers := []*listener{listen(t, subscription{base: one.base}), listen(t, subscription{base: two.base})}

	people := make([]visitor, writers)
	for w := range people {
		people[w] = enter(t, bases[w%2], fmt.Sprintf("writer%d", w))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	posting, ctx := errgroup.WithContext(ctx)
	var accepted atomic.Int64
	for w, v := range people {
		posting.Go(func() error {
			for n := range each {
				p := post{Text: fmt.Sprintf("w%d m%d", w, n), Nonce: fmt.Sprintf("w%d-m%d", w, n)}
				if err := v.insist(ctx, bases[w%2:w%2+1], p); err != nil {
					return err
				}
				accepted.Add(1)
			}
			return nil
		})
	}
	eventually(t, 20*time.Second, "a third of the messages", func() error {
		if n := accepted.Load(); n < writers*each/3 {
			return fmt.Errorf("only %d accepted", n)
		}
		return nil
	})

	redis.kill()
	for n, r := range readers {
		r.awaitStatus(10*time.Second, "down")
		refusedWhileDown(t, bases[n], people[n])
	}
	redis.start(t)
	for _, r := range readers {
		r.awaitStatus(15*time.Second, "up")
	}
	if err := posting.Wait(); err != nil {
		t.Fatal(err)
	}
	last := people[0].say(t, two.base, "", "the end")
	want := history(t, one.base, "")
	checkEachOnce(t, want, writers, each)
	for n, r := range readers {
		r.awaitText(10*time.Second, last.Text)
		if got := r.messages(); !slices.Equal(got, want) {
			t.Errorf("reader %d has %d messages, the log %d, or not the same", n, len(got), len(want))
		}
		if _, _, err := r.soFar(); err != nil {
			t.Errorf("reader %d: its stream ended: %v", n, err)
		}
	}
}

// insist posts until the message is accepted, going round the bases, as a
// client with a nonce may. Any answer but accepted and 503 is an error.
func (v visitor) insist(ctx context.Context, bases []string, p post) error {
	for try := 0; ; try++ {
		a, err := call(ctx, http.MethodPost, bases[try%len(bases)]+"/messages", asJSON(p), v.bearer())
		if ctx.Err() != nil {
			return fmt.Errorf("post %q: %w; last answer: %d %s", p.Text, errors.Join(context.Cause(ctx), err), a.status, a.body)
		}
		if err == nil && (a.status == http.StatusCreated || a.status == http.StatusOK) {
			return nil
		}
		if err == nil && a.status != http.StatusServiceUnavailable {
			return fmt.Errorf("post %q: status %d: %s", p.Text, a.status, a.body)
		}
		select { // not to spin on a server that is away
		case <-time.After(25 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// refusedWhileDown holds a post without Redis to a 503 that says when to try again.
func refusedWhileDown(t *testing.T, base string, v visitor) {
	t.Helper()
	a := mustCall(t, http.StatusServiceUnavailable, http.MethodPost, base+"/messages", asJSON(post{Text: "is anybody there?"}), v.bearer())
	if _, err := a.problem(); err != nil {
		t.Error(err)
	}
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || seconds < 1 {
		t.Errorf("Retry-After %q, want seconds", a.header.Get("Retry-After"))
	}
}

// checkEachOnce holds a log to the messages of writers who each insisted on
// theirs in order.
func checkEachOnce(t *testing.T, log []message, writers, each int) {
	t.Helper()
	next := make([]int, writers)
	for _, m := range log {
		var w, n int
		if _, err := fmt.Sscanf(m.Text, "w%d m%d", &w, &n); err != nil {
			continue
		}
		if n != next[w] {
			t.Fatalf("writer %d: message %d stands where %d belongs", w, n, next[w])
		}
		next[w]++
	}
	for w, n := range next {
		if n != each {
			t.Errorf("the log has %d messages of writer %d, want %d", n, w, each)
		}
	}
}

func TestRedisFrozen_APostOfUnknownFateLandsOnce(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	one := startInstance(t, append([]setting{redis.url()}, quiet...)...)
	ana := enter(t, one.base, "ana")
	reader := listen(t, subscription{base: one.base})
	before := ana.say(t, one.base, "", "before")

	redis.signal(syscall.SIGSTOP)
	unsure := post{Text: "did it land?", Nonce: "n1"}
	a := mustCall(t, http.StatusServiceUnavailable, http.MethodPost, one.base+"/messages", asJSON(unsure), ana.bearer())
	if _, err := a.problem(); err != nil {
		t.Error(err)
	}
	reader.awaitStatus(15*time.Second, "down")
	redis.signal(syscall.SIGCONT)
	reader.awaitStatus(15*time.Second, "up")

	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if err := ana.insist(ctx, []string{one.base}, unsure); err != nil {
		t.Fatal(err)
	}
	after := ana.say(t, one.base, "", "after")
	reader.awaitText(10*time.Second, after.Text)
	got := reader.messages()
	if len(got) != 3 || got[0] != before || got[1].Text != unsure.Text || got[2] != after {
		t.Errorf("the reader has %+v, want before, the unsure one once, and after", got)
	}
}

func TestRedisRestartedEmpty_ReadersAreToldOfTheGapAndEveryoneIsCountedAgain(t *testing.T) {
	t.Parallel()
	redis := startRedis(t) // keeps nothing
	settings := append([]setting{redis.url()}, quiet...)
	one, two := startInstance(t, settings...), startInstance(t, settings...)
	ana := enter(t, one.base, "ana")
	reader := listen(t, subscription{base: one.base, as: ana})
	watcher := listen(t, subscription{base: two.base})
	lost := ana.say(t, one.base, "", "soon forgotten")
	reader.awaitText(5*time.Second, lost.Text)
	watcher.awaitText(5*time.Second, lost.Text)

	redis.kill()
	watcher.awaitStatus(10*time.Second, "down")
	redis.start(t)
	one.awaitReady(15 * time.Second)
	two.awaitReady(15 * time.Second)

	anew := ana.say(t, one.base, "", "anew")
	resumed := listenAfterLoss(t, two.base, lost.ID)
	if got := resumed.awaitText(10*time.Second, anew.Text); got != anew {
		t.Errorf("after the loss came %+v, want %+v", got, anew)
	}
	for _, m := range resumed.messages() {
		if m.Text == lost.Text {
			t.Errorf("a message of the lost log came: %+v", m)
		}
	}
	for _, l := range []*listener{reader, watcher} { // told to come back, since what follows does not continue
		l.await(10*time.Second, "bye", func(e event) bool { return isBye(t, e, "replaced") })
	}
	again := listen(t, subscription{base: one.base, as: ana})
	again.awaitText(5*time.Second, anew.Text)
	awaitPeople(t, two.base, 2, "ana")
}
