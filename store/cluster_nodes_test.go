package store

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

// threeMasters is a Redis Cluster of three masters with a replica each.
type threeMasters struct {
	nodes []*realRedisServer // masters, then replicas, in the same order
	ids   []string
	url   string
}

// startThreeMasters starts one, with further arguments for each server.
func startThreeMasters(t *testing.T, args ...string) *threeMasters {
	t.Helper()
	c := &threeMasters{}
	for range 6 {
		c.nodes = append(c.nodes, startRedis(t, slices.Concat([]string{"--cluster-enabled", "yes", "--cluster-node-timeout", "1000",
			"--cluster-replica-no-failover", "no", "--repl-diskless-sync-delay", "0"}, args)...))
	}
	for i, node := range c.nodes {
		client := dial(t, node.addr)
		c.ids = append(c.ids, client.Do(t.Context(), "CLUSTER", "MYID").Val().(string))
		if i < 3 {
			must(t, client.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", i*5461, min((i+1)*5461-1+i/2, 16383)).Err())
			must(t, client.Do(t.Context(), "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err())
		}
		host, port, _ := net.SplitHostPort(c.nodes[0].addr)
		if i > 0 {
			must(t, client.Do(t.Context(), "CLUSTER", "MEET", host, port).Err())
		}
	}
	eventually(t, "all know each other", func() bool {
		return !slices.ContainsFunc(c.nodes, func(n *realRedisServer) bool {
			return strings.Count(c.ask(t, n, "NODES"), "connected") != 6 || !strings.Contains(c.ask(t, n, "INFO"), "cluster_state:ok")
		})
	})
	for i := range 3 {
		replica := dial(t, c.nodes[3+i].addr)
		must(t, replica.Do(t.Context(), "CLUSTER", "REPLICATE", c.ids[i]).Err())
		eventually(t, "the replica is in sync", func() bool {
			return strings.Contains(replica.Info(t.Context(), "replication").Val(), "master_link_status:up")
		})
		c.replicated(t, i)
	}
	eventually(t, "all know who is a replica", func() bool {
		return !slices.ContainsFunc(c.nodes, func(n *realRedisServer) bool { return strings.Count(c.ask(t, n, "NODES"), "slave") != 3 })
	})
	c.url = "redis://" + c.nodes[0].addr + "?addr=" + c.nodes[1].addr + "&addr=" + c.nodes[2].addr
	return c
}

// replicated waits until a master's replica has something that it is sent now. A
// replica whose link is up is sent nothing until it said that it is ready, up to a
// second later.
func (c *threeMasters) replicated(t *testing.T, master int) {
	t.Helper()
	eventually(t, "the replica follows", func() bool {
		pipe := dial(t, c.nodes[master].addr).Pipeline() // WAIT is about its own connection
		pipe.Do(t.Context(), "FLUSHALL")
		replicas := pipe.Do(t.Context(), "WAIT", 1, 1000)
		_, err := pipe.Exec(t.Context())
		return err == nil && replicas.Val() == int64(1)
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (c *threeMasters) ask(t *testing.T, n *realRedisServer, what string) string {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: n.addr})
	defer client.Close()
	return fmt.Sprint(client.Do(t.Context(), "CLUSTER", what).Val())
}

// holder is the number of the master that has a room's slot.
func (c *threeMasters) holder(t *testing.T, room chat.RoomID) (i int, slot int64) {
	t.Helper()
	client := dial(t, c.nodes[0].addr)
	slot = client.ClusterKeySlot(t.Context(), keys{}.log(room)).Val()
	return min(int(slot)/5461, 2), slot
}

// move gives a slot and its keys to another master, as redis-cli does.
func (c *threeMasters) move(t *testing.T, slot int64, from, to int) {
	t.Helper()
	c.announceMove(t, slot, from, to)
	c.moveKeys(t, slot, from, to)
	c.endMove(t, slot, from, to)
}

func (c *threeMasters) announceMove(t *testing.T, slot int64, from, to int) {
	t.Helper()
	must(t, dial(t, c.nodes[to].addr).Do(t.Context(), "CLUSTER", "SETSLOT", slot, "IMPORTING", c.ids[from]).Err())
	must(t, dial(t, c.nodes[from].addr).Do(t.Context(), "CLUSTER", "SETSLOT", slot, "MIGRATING", c.ids[to]).Err())
}

func (c *threeMasters) moveKeys(t *testing.T, slot int64, from, to int) {
	t.Helper()
	source := dial(t, c.nodes[from].addr)
	host, port, _ := net.SplitHostPort(c.nodes[to].addr)
	for {
		found := source.ClusterGetKeysInSlot(t.Context(), int(slot), 100).Val()
		if len(found) == 0 {
			break
		}
		args := []any{"MIGRATE", host, port, "", 0, 5000, "KEYS"}
		for _, key := range found {
			args = append(args, key)
		}
		must(t, source.Do(t.Context(), args...).Err())
	}
}

func (c *threeMasters) endMove(t *testing.T, slot int64, from, to int) {
	t.Helper()
	for _, n := range []int{to, from} {
		must(t, dial(t, c.nodes[n].addr).Do(t.Context(), "CLUSTER", "SETSLOT", slot, "NODE", c.ids[to]).Err())
	}
}

func (c *threeMasters) store(t *testing.T) *Store {
	t.Helper()
	client, err := Dial(c.url)
	must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	s := New(client, quick())
	run(t, s)
	return s
}

// load has writers post numbered messages, each until it is accepted, until stop.
type load struct {
	stop     func()
	accepted map[chat.EventID]string // by id; read it after stop
}

func startLoad(t *testing.T, s *Store) *load {
	l := &load{accepted: make(map[chat.EventID]string)}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var mu sync.Mutex
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				p := nonced(strconv.Itoa(w) + "-" + strconv.Itoa(i))
				id := repeatUntilAccepted(t, s, p)
				mu.Lock()
				l.accepted[id] = string(p.Message.Text)
				mu.Unlock()
			}
		})
	}
	l.stop = func() { cancel(); wg.Wait() }
	t.Cleanup(l.stop)
	return l
}

// checkWholeOrTold holds what a sink got against what was accepted: all of it, each
// once and in order, or as much as the log still has after it was told.
func (l *load) checkWholeOrTold(t *testing.T, s *Store, r *recorder) {
	t.Helper()
	var log []chat.Event
	for page, at := (chat.Page{More: true}), (chat.EventID{}); page.More; {
		var err error
		page, err = s.After(t.Context(), lobby, at, MaxPage)
		if err != nil || page.Gap {
			t.Fatalf("after %s: gap %t, error %v", at, page.Gap, err)
		}
		if log = append(log, page.Events...); len(log) > 0 {
			at = log[len(log)-1].ID
		}
	}
	contiguous(t, log)
	r.wait(t, "all of the log", func() bool {
		got := r.of(chat.KindMessage)
		return len(got) > 0 && got[len(got)-1].ID == log[len(log)-1].ID
	})
	all := r.all()
	told := -1
	for i, e := range all {
		if e.Kind == "replace" {
			told = i
		}
	}
	var since []chat.Event
	for _, e := range all[told+1:] {
		if e.Durable() {
			since = append(since, e)
		}
	}
	want := log
	if told >= 0 {
		want = log[max(len(log)-len(since), 0):]
	}
	if !slices.EqualFunc(since, want, func(a, b chat.Event) bool { return a.ID == b.ID && string(a.Data) == string(b.Data) }) {
		t.Errorf("told %t; got %d, the log has %d", told >= 0, len(since), len(log))
	}
	texts := make(map[string]int, len(log))
	for _, e := range log {
		texts[textOf(t, e)]++
	}
	for id, text := range l.accepted {
		if n := texts[text]; n > 1 || n == 0 && told < 0 {
			t.Errorf("%q, accepted as %s, is there %d times, told %t", text, id, n, told >= 0)
		}
	}
	t.Logf("%d accepted, %d in the log, told %t", len(l.accepted), len(log), told >= 0)
}

func (l *load) waitFor(t *testing.T, r *recorder, more int) {
	t.Helper()
	want := len(r.of(chat.KindMessage)) + more
	r.wait(t, "posts go on", func() bool { return len(r.of(chat.KindMessage)) >= want })
}

func TestCluster_ASlotThatMovesUnderLoadLosesAndDoublesNothing(t *testing.T) {
	c := startThreeMasters(t)
	s := c.store(t)
	r, _ := follow(t, s, 20)
	from, slot := c.holder(t, lobby)
	l := startLoad(t, s)
	at := from
	for range 2 {
		l.waitFor(t, r, 50)
		to := (at + 1) % 3
		c.move(t, slot, at, to)
		at = to
	}
	l.waitFor(t, r, 50)
	l.stop()
	l.checkWholeOrTold(t, s, r)
	if got := r.of("replace"); len(got) > 0 {
		t.Errorf("replaced %d times", len(got))
	}
}

func TestCluster_AMasterThatDiesUnderLoadLosesNothingUntold(t *testing.T) {
	c := startThreeMasters(t)
	s := c.store(t)
	r, _ := follow(t, s, 20)
	dying, _ := c.holder(t, lobby)
	l := startLoad(t, s)
	l.waitFor(t, r, 50)
	c.nodes[dying].kill()
	l.waitFor(t, r, 50)
	l.stop()
	l.checkWholeOrTold(t, s, r)
}
