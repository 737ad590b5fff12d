package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// attack is one way of taking a server from others, as a row of the table does it.
type attack struct {
	name string // as -only takes it
	what string // as the table tells it

	instances int      // 1 if 0
	memory    int64    // Redis's maxmemory in bytes; redisMemory if 0
	settings  []string // of the instances, beside the defaults

	// fill makes what the attack finds there; nil where it needs nothing.
	fill func(ctx context.Context, s *siege) error
	// strike is what the attacker's process does until ctx ends.
	strike func(ctx context.Context, a *attacker) error
}

func (a attack) redisLimit() int64 {
	if a.memory > 0 {
		return a.memory
	}
	return redisMemory
}

// attacks are the rows, in the table's order.
func attacks() []attack {
	return slices.Concat([]attack{
		{name: "nobody", what: "nothing, but its processor is busy", strike: spin},
	}, streamAttacks(), connectionAttacks(), requestAttacks(), writeAttacks())
}

// spin asks nothing, and takes a processor: what that alone does to the figures.
func spin(ctx context.Context, _ *attacker) error {
	for n := 0; ctx.Err() == nil; {
		for range 1000 {
			n++
		}
	}
	return nil
}

// chosenAttacks are those that -only names, or all.
func chosenAttacks(only string) ([]attack, error) {
	all := attacks()
	if only == "" {
		return all, nil
	}
	var list []attack
	for name := range strings.SplitSeq(only, ",") {
		at := slices.IndexFunc(all, func(a attack) bool { return a.name == name })
		if at < 0 {
			var names []string
			for _, a := range all {
				names = append(names, a.name)
			}
			return nil, fmt.Errorf("-only: no attack %q; there are %s", name, strings.Join(names, ", "))
		}
		list = append(list, all[at])
	}
	return list, nil
}
