package store

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"causette/chat"
)

// sentinelGroup is a master, its replica, and a Sentinel that alone decides.
type sentinelGroup struct {
	master, replica *realRedisServer
	url             string
}

func startSentinelGroup(t *testing.T) *sentinelGroup {
	t.Helper()
	g := &sentinelGroup{master: startRedis(t)}
	host, port, _ := net.SplitHostPort(g.master.addr)
	g.replica = startRedis(t, "--replicaof", host, port)
	g.synced(t)

	addr := freeAddr(t)
	_, sentinelPort, _ := net.SplitHostPort(addr)
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf(`port %s
bind 127.0.0.1
dir %s
loglevel warning
sentinel monitor mymaster %s %s 1
sentinel down-after-milliseconds mymaster 400
sentinel failover-timeout mymaster 4000
`, sentinelPort, filepath.Dir(conf), host, port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("redis-server", conf, "--sentinel") //nolint:noctx // killed below
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	sentinel := dial(t, addr)
	eventually(t, "the sentinel knows the replica", func() bool {
		v, _ := sentinel.Do(t.Context(), "SENTINEL", "REPLICAS", "mymaster").Slice()
		return len(v) == 1 && strings.Contains(fmt.Sprint(v), "master-link-status:ok")
	})
	g.url = "redis://" + addr + "?master_name=mymaster"
	return g
}

// synced waits until the replica has what the master has.
func (g *sentinelGroup) synced(t *testing.T) {
	t.Helper()
	master := dial(t, g.master.addr)
	eventually(t, "the replica has it all", func() bool {
		return master.Do(t.Context(), "WAIT", 1, 100).Val() == int64(1)
	})
}

// cutOff keeps from the replica what is written from now on. The Sentinel would
// put that right after some seconds.
func (g *sentinelGroup) cutOff(t *testing.T) {
	t.Helper()
	g.synced(t)
	if err := dial(t, g.replica.addr).Do(t.Context(), "REPLICAOF", "127.0.0.1", "1").Err(); err != nil {
		t.Fatal(err)
	}
}

func (g *sentinelGroup) store(t *testing.T) *Store {
	t.Helper()
	client, err := Dial(g.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	s := New(client, quick())
	run(t, s)
	return s
}

func TestSentinel_AFailoverThatLosesNothingIsNoGap(t *testing.T) {
	g := startSentinelGroup(t)
	s := g.store(t)
	r, _ := follow(t, s, 20)
	sayNumbers(t, s, 0, 9)
	r.wait(t, "what is said before", func() bool { return len(r.texts(t)) == 10 })
	g.synced(t)
	g.master.kill()
	repeatUntilAccepted(t, s, nonced("10"))
	sayNumbers(t, s, 11, 19)
	r.wait(t, "what is said after", func() bool { return len(r.texts(t)) >= 20 })
	if got := r.texts(t); !slices.Equal(got, numbers(0, 19)) {
		t.Errorf("got %v", got)
	}
	contiguous(t, r.of(chat.KindMessage))
	checkLog(t, s, numbers(0, 19))
}

func TestSentinel_WhatAFailoverLosesIsToldToEveryInstance(t *testing.T) {
	g := startSentinelGroup(t)
	writer, reader := g.store(t), g.store(t)
	r, _ := follow(t, reader, 20)
	ids := sayNumbers(t, writer, 0, 4)
	g.cutOff(t)
	ids = append(ids, sayNumbers(t, writer, 5, 7)...)
	r.wait(t, "what is said before", func() bool { return len(r.texts(t)) == 8 })
	g.master.kill()
	id := repeatUntilAccepted(t, writer, nonced("new"))
	if slices.Contains(ids, id) {
		t.Errorf("%s is given again", id)
	}
	want := append(numbers(0, 4), "new")
	checkTold(t, r, want)
	if got := r.texts(t); !slices.Equal(got[:8], numbers(0, 7)) {
		t.Errorf("before it was told, it got %v", got)
	}
	checkNobodyResumes(t, writer, ids)
	checkLog(t, writer, want)
}

// A master that was held for dead comes back and does not know: what it accepts
// until it is told is lost, and must not have the ids of what the new one accepts.
func TestSentinel_AnOldMasterThatWakesGivesNoIdTwice(t *testing.T) {
	g := startSentinelGroup(t)
	s := g.store(t)
	r, _ := follow(t, s, 20)
	sayNumbers(t, s, 0, 4)
	r.wait(t, "what is said before", func() bool { return len(r.texts(t)) == 5 })
	g.synced(t)
	old := idle(t, g.master.addr, quick())
	say(t, old, "5")
	g.synced(t)
	g.master.freeze(t)
	given := []chat.EventID{repeatUntilAccepted(t, s, nonced("6"))}
	g.master.thaw(t)
	var stale []chat.EventID
	for i := range 20 {
		receipt, err := old.Append(t.Context(), post(fmt.Sprint("stale ", i)))
		if err != nil {
			break // it has been told
		}
		stale = append(stale, receipt.Message.ID)
	}
	for i := 7; i < 7+len(stale); i++ {
		given = append(given, repeatUntilAccepted(t, s, nonced(fmt.Sprint(i))))
	}
	if len(stale) == 0 {
		t.Error("the old master knew at once")
	}
	for _, id := range stale {
		if slices.Contains(given, id) {
			t.Errorf("both gave %s", id)
		}
	}
	// What the Sentinel does in its own time.
	host, port, _ := net.SplitHostPort(g.replica.addr)
	for _, command := range [][]any{{"REPLICAOF", host, port}, {"CLIENT", "KILL", "TYPE", "pubsub"}} {
		if err := old.client.Do(t.Context(), command...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	// The feed may have gone on with the old master, and then is told.
	want := numbers(0, 6+len(stale))
	r.wait(t, "what the new master has", func() bool {
		got := r.texts(t)
		for i, text := range slices.Backward(got) {
			if text == "<replace>" {
				got = got[i+1:]
				return len(got) > 0 && len(got) <= len(want) && slices.Equal(got, want[len(want)-len(got):])
			}
		}
		return slices.Equal(got, want)
	})
	checkLog(t, s, want)
}

// nonced is a post that may be repeated.
func nonced(text string) Post {
	p := post(text)
	p.Nonce = "n" + chat.Nonce(text)
	return p
}
