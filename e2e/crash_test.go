//go:build linux

package e2e

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// lease is how long a killed instance's people may still be counted.
const lease = 10 * time.Second

func TestPresence_WhoWasOnAKilledInstanceIsGoneWithinALease(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	settings := append([]setting{redis.url()}, quiet...)
	doomed, other := startInstance(t, settings...), startInstance(t, settings...)

	// The survivor's people come first and the doomed one's last, so that at the
	// kill its lease is as young as it can be, and the survivor has just looked.
	eve := enter(t, other.base, "eve")
	listen(t, subscription{base: other.base, as: eve})
	watcher := listen(t, subscription{base: other.base})
	awaitPeople(t, other.base, 2, "eve")
	for _, s := range []subscription{
		{base: doomed.base, as: enter(t, doomed.base, "ana")},
		{base: doomed.base, as: enter(t, doomed.base, "bob")},
		{base: doomed.base},
		{base: doomed.base, as: eve}, // she reads on both, so she stays
	} {
		listen(t, s)
	}
	watcher.awaitPresence(5*time.Second, 5, 3)

	begun := time.Now()
	doomed.kill()
	watcher.awaitPresence(lease, 2, 1)
	t.Logf("right %s after the kill", time.Since(begun).Round(10*time.Millisecond))
	awaitPeople(t, other.base, 2, "eve")
}

func TestPresence_AFrozenInstanceIsCountedOutAndBackIn(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	settings := append([]setting{redis.url()}, quiet...)
	frozen, other := startInstance(t, settings...), startInstance(t, settings...)
	ana := enter(t, frozen.base, "ana")
	reader := listen(t, subscription{base: frozen.base, as: ana})
	watcher := listen(t, subscription{base: other.base})
	watcher.awaitPresence(5*time.Second, 2, 1)

	frozen.signal(syscall.SIGSTOP)
	watcher.awaitPresence(lease, 1, 0)
	bob := enter(t, other.base, "bob")
	said := bob.say(t, other.base, "", "while you were frozen")

	frozen.signal(syscall.SIGCONT)
	if got := reader.awaitText(lease, said.Text); got != said {
		t.Errorf("the frozen instance's reader got %+v, want %+v", got, said)
	}
	watcher.awaitPresence(lease, 2, 1)
	awaitPeople(t, other.base, 2, "ana")
}

func TestPresence_NobodyIsToldOfARoomWithoutThemselves(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	one := startInstance(t, append([]setting{redis.url(), "HEARTBEAT=1s"}, quiet...)...)
	for n := range 10 {
		reader := listen(t, subscription{base: one.base, room: fmt.Sprintf("room%d", n)})
		if reader.hello.Participants < 1 {
			t.Errorf("hello counts %d participants", reader.hello.Participants)
		}
		reader.await(5*time.Second, "ping", func(e event) bool { return e.name == "ping" })
		for _, e := range reader.named("presence") {
			if p := read[struct{ Participants int }](t, e.data); p.Participants < 1 {
				t.Errorf("room %d: the reader is told %s, and is one itself", n, e.data)
			}
		}
	}
}

func TestKilledInstances_UnderPostsLoseNothing(t *testing.T) {
	t.Parallel()
	const theEnd = "the end"
	redis := startRedis(t)
	settings := append([]setting{redis.url()}, quiet...)
	instances := []*instance{startInstance(t, settings...), startInstance(t, settings...)}
	bases := []string{instances[0].base, instances[1].base}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	working, ctx := errgroup.WithContext(ctx)
	followers := make([]*follower, 4)
	for n := range followers {
		followers[n] = &follower{until: theEnd}
		working.Go(func() error { return followers[n].follow(ctx, bases, n) })
	}
	writer := enter(t, bases[0], "writer")
	stopPosts := writer.keepPosting(ctx, working, bases)
	for round, old := range instances {
		for _, f := range followers {
			eventually(t, 15*time.Second, "messages between the kills", func() error { return f.has((round + 1) * 50) })
		}
		old.kill()
		launch(t, checkedBinary, old.port, settings...).awaitReady(startup)
	}
	posted := stopPosts()
	writer.say(t, bases[1], "", theEnd)
	if err := working.Wait(); err != nil {
		t.Fatal(err)
	}
	want := history(t, bases[0], "")
	checkEachOnce(t, want, 1, posted)
	for n, f := range followers {
		if !slices.Equal(f.list, want) {
			t.Errorf("follower %d has %d messages, the log %d, or not the same", n, len(f.list), len(want))
		}
	}
}

// awaitPeople waits until an instance counts so many participants in the lobby and
// knows these nicknames, sorted, among them.
func awaitPeople(t *testing.T, base string, participants int, nicknames ...string) {
	t.Helper()
	eventually(t, lease, "the roster", func() error {
		names, total, err := people(t.Context(), base, "")
		if err == nil && (total != participants || !slices.Equal(names, nicknames)) {
			err = fmt.Errorf("%d participants, named %v; want %d, %v", total, names, participants, nicknames)
		}
		return err
	})
}
