package store

import (
	"fmt"
	"net"
	"slices"
	"strings"
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
