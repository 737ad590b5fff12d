package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"causette/bench/proc"
)

// orderVariable makes this program an attacker; it holds the order as JSON.
const orderVariable = "CAUSETTE_FAULTS_ORDER"

const (
	attackerAddress  = "127.0.0.2"
	attackerRequests = 400_000 // connections and requests at most
)

// order says what an attacker does.
type order struct {
	Attack string
	Hosts  []string // of the instances, as host:port
	Lasts  time.Duration
	Share  float64 // of the attack's connections: 1, or less in the short form
	Seed   uint64
}

// tally is what came of an attack.
type tally struct {
	Opened  int64            // connections
	Broken  int64            // of these, or of attempts at them
	Answers map[string]int64 // by status
}

// String is for the table.
func (t tally) String() string {
	parts := []string{fmt.Sprintf("%d connections", t.Opened)}
	for _, status := range slices.Sorted(maps.Keys(t.Answers)) {
		parts = append(parts, fmt.Sprintf("%s × %d", status, t.Answers[status]))
	}
	if t.Broken > 0 {
		parts = append(parts, fmt.Sprintf("%d broken", t.Broken))
	}
	return strings.Join(parts, ", ")
}

// strike has a process of its own do the attack, with one processor at most, and
// returns what it got.
func (s *siege) strike(ctx context.Context) (got tally, err error) {
	o := order{Attack: s.attack.name, Lasts: s.lasting(siegeFor), Share: s.scale, Seed: s.random.Uint64()}
	for _, base := range s.bases() {
		o.Hosts = append(o.Hosts, strings.TrimPrefix(base, "http://"))
	}
	text, err := json.Marshal(o)
	if err != nil {
		return got, err
	}
	self, err := os.Executable()
	if err != nil {
		return got, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.Lasts+10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = proc.Environment(orderVariable+"="+string(text), "GOMAXPROCS=1")
	printed, err := proc.Run(ctx, "attacker", cmd)
	if err != nil {
		return got, err
	}
	return got, json.Unmarshal([]byte(printed), &got)
}

// obeyOrder does what an order in the environment says. It reports whether there was one.
func obeyOrder(ctx context.Context, out io.Writer) (ordered bool, err error) {
	text := os.Getenv(orderVariable)
	if text == "" {
		return false, nil
	}
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return true, err
	}
	if _, err := proc.RaiseFiles(); err != nil {
		return true, err
	}
	list, err := chosenAttacks(o.Attack)
	if err != nil {
		return true, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.Lasts)
	defer cancel()
	a := &attacker{order: o, until: time.Now().Add(o.Lasts)}
	a.left.Store(attackerRequests)
	if err := list[0].strike(ctx, a); err != nil && ctx.Err() == nil {
		return true, err
	}
	<-ctx.Done() // the attack has its time, whatever became of it
	return true, json.NewEncoder(out).Encode(a.tally())
}
