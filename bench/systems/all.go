package systems

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// All is every system, in the order of the tables, prepared. With only, which has
// keys or their beginnings up to a dash, it is those, and the floor.
func All(ctx context.Context, shop *Shop, only []string) ([]*System, error) {
	all := []*System{cFloor()}
	ours := func(one string) bool { return strings.HasPrefix(one, "causette") }
	if len(only) == 0 || slices.ContainsFunc(only, ours) {
		all = append(all, causettes(ctx, shop)...)
	}
	all = append(all,
		bare("flush", "gin + go-redis, goroutine + channel + Flush", 60),
		bare("sse", "gin + go-redis, `c.SSEvent`", 47),
		nchan(false), nchan(true), socketIO(), centrifuge(false), centrifuge(true),
	)
	all = slices.DeleteFunc(all, func(s *System) bool { return s.Kind != Floor && !wanted(s.Key, only) })
	if len(all) == 1 && !slices.Contains(only, "floor") {
		return nil, fmt.Errorf("there is none of %q to measure", only)
	}
	for _, s := range all {
		s.Prepare(ctx, shop)
	}
	return all, ctx.Err()
}

// wanted reports whether a key, or a part of it that ends before a dash, is
// among those asked for; nothing asked for is everything.
func wanted(key string, only []string) bool {
	return len(only) == 0 || slices.ContainsFunc(only, func(one string) bool {
		return key == one || strings.HasPrefix(key, one+"-")
	})
}
