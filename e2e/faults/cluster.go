package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// clusterRedis starts a Redis Cluster of three masters with a replica each, and two
// instances.
func clusterRedis(ctx context.Context, w *world) error {
	var nodes []string
	for range 6 {
		options := slices.Concat(keepsASecond, replicates)
		r, err := w.addRedis(ctx, slices.Concat(options, []string{"--cluster-enabled", "yes", "--cluster-node-timeout", "1500"})...)
		if err != nil {
			return err
		}
		nodes = append(nodes, r.address())
	}
	args := append([]string{"--cluster", "create", "--cluster-replicas", "1", "--cluster-yes"}, nodes...)
	if out, err := exec.CommandContext(ctx, "redis-cli", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("make a cluster: %w: %s", err, out)
	}
	for _, r := range w.redises {
		if err := until(ctx, 30*time.Second, "the cluster is whole", func(ctx context.Context) error {
			about, err := r.tell(ctx, "CLUSTER", "INFO")
			replicas, errNodes := r.tell(ctx, "CLUSTER", "NODES")
			if err = errors.Join(err, errNodes); err == nil && (!strings.Contains(about, "cluster_state:ok") || strings.Count(replicas, "slave") != 3) {
				err = fmt.Errorf("%s", about)
			}
			return err
		}); err != nil {
			return err
		}
	}
	for range 2 {
		if err := w.addInstance(ctx, w.binary, fmt.Sprintf("REDIS_URL=redis://%s?addr=%s&addr=%s", nodes[0], nodes[1], nodes[2])); err != nil {
			return err
		}
	}
	return nil
}

// node is a node of a cluster, as another one sees it.
type node struct {
	id     string
	server *redisServer
	master bool
	slots  []string
}

// cluster is what a living node says of all of them.
func (w *world) cluster(ctx context.Context) ([]node, error) {
	for _, asked := range w.redises {
		text, err := asked.tell(ctx, "CLUSTER", "NODES")
		if err != nil {
			continue // one that was killed
		}
		var nodes []node
		for line := range strings.Lines(text) {
			fields := strings.Fields(line)
			if len(fields) < 8 || strings.Contains(fields[2], "fail") {
				continue
			}
			for _, r := range w.redises {
				if strings.HasPrefix(fields[1], r.address()+"@") {
					nodes = append(nodes, node{fields[0], r, strings.Contains(fields[2], "master"), fields[8:]})
				}
			}
		}
		return nodes, nil
	}
	return nil, errors.New("no node answers")
}

// owner is the node that has the room's slot, and another master.
func (w *world) owner(ctx context.Context) (owner, other node, slot string, err error) {
	nodes, err := w.cluster(ctx)
	if err != nil {
		return owner, other, "", err
	}
	if slot, err = nodes[0].server.tell(ctx, "CLUSTER", "KEYSLOT", "chat:{"+room+"}"); err != nil {
		return owner, other, "", err
	}
	number, err := strconv.Atoi(slot)
	if err != nil {
		return owner, other, "", err
	}
	for _, n := range nodes {
		switch {
		case !n.master || len(n.slots) == 0:
		case n.has(number):
			owner = n
		default:
			other = n
		}
	}
	if owner.server == nil || other.server == nil {
		return owner, other, slot, fmt.Errorf("slot %s has no owner", slot)
	}
	return owner, other, slot, nil
}

func (n node) has(slot int) bool {
	for _, span := range n.slots {
		from, to, isSpan := strings.Cut(span, "-")
		if !isSpan {
			to = from
		}
		first, errFirst := strconv.Atoi(from)
		last, errLast := strconv.Atoi(to)
		if errFirst == nil && errLast == nil && first <= slot && slot <= last {
			return true
		}
	}
	return false
}

// moveSlot moves the room's slot to another master and back, key by key.
func moveSlot(ctx context.Context, w *world) (string, error) {
	for range 2 {
		from, to, slot, err := w.owner(ctx)
		if err != nil {
			return "", err
		}
		if err := move(ctx, w, from, to, slot); err != nil {
			return "", err
		}
		if err := w.settle(ctx); err != nil {
			return "", err
		}
	}
	return "", nil
}

func move(ctx context.Context, w *world, from, to node, slot string) error {
	_, errTo := to.server.tell(ctx, "CLUSTER", "SETSLOT", slot, "IMPORTING", from.id)
	_, errFrom := from.server.tell(ctx, "CLUSTER", "SETSLOT", slot, "MIGRATING", to.id)
	if err := errors.Join(errTo, errFrom); err != nil {
		return err
	}
	for {
		keys, err := from.server.tell(ctx, "CLUSTER", "GETKEYSINSLOT", slot, "20")
		if err != nil {
			return err
		}
		if keys == "" {
			break
		}
		migrate := append([]string{"MIGRATE", "127.0.0.1", strconv.Itoa(to.server.port), "", "0", "5000", "KEYS"}, strings.Split(keys, "\n")...)
		if _, err := from.server.tell(ctx, migrate...); err != nil {
			return err
		}
	}
	nodes, err := w.cluster(ctx)
	if err != nil {
		return err
	}
	for _, n := range append([]node{to, from}, nodes...) { // the new owner first
		if !n.master {
			continue
		}
		if _, err := n.server.tell(ctx, "CLUSTER", "SETSLOT", slot, "NODE", to.id); err != nil {
			return err
		}
	}
	return nil
}

// killMaster has the master of the room's slot die, and its replica take over
// without the last second of what the master accepted.
func killMaster(ctx context.Context, w *world) (string, error) {
	old, _, _, err := w.owner(ctx)
	if err != nil {
		return "", err
	}
	defer w.sendAway()()
	lost, err := leaveBehind(ctx, w, old.server)
	if err != nil {
		return "", err
	}
	old.server.kill()
	begun := time.Now()
	if err := until(ctx, patience, "the replica takes over", func(ctx context.Context) error {
		now, _, _, err := w.owner(ctx)
		if err == nil && now.id == old.id {
			err = errors.New("the dead one is master still")
		}
		return err
	}); err != nil {
		return "", err
	}
	tookOver := time.Since(begun)
	if err := w.more(ctx, 40); err != nil {
		return "", err
	}
	accepted := time.Since(begun)
	if err := old.server.start(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("about %d accepted messages were on the old master only; the replica took over after %.1f s, 40 more were accepted after %.1f s",
		lost, tookOver.Seconds(), accepted.Seconds()), w.settle(ctx)
}
