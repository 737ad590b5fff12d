package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// mixed are the harms of the mix: those that leave Redis its data.
func mixed() []harm {
	return []harm{
		{name: "drops", run: dropReaders},
		{name: "half-open", run: stallReaders},
		{name: "kill", run: killInstances},
		{name: "freeze", run: freezeInstance},
		{name: "redis", run: restartRedis},
		{name: "redis-frozen", run: freezeRedis},
		{name: "link-cut", run: cutLinks},
		{name: "link-half-open", run: stallLink},
		{name: "pubsub-kill", run: killPubSub},
	}
}

// mix does one harm after another, picked at random, for two minutes, while
// readers are cut off at random all the time.
func mix(ctx context.Context, w *world) (string, error) {
	var done []string
	all := mixed()
	for begun := time.Now(); time.Since(begun) < w.lasting(2*time.Minute); {
		h := all[w.random.IntN(len(all))]
		done = append(done, h.name)
		w.log("  %s", h.name)
		w.readers[w.random.IntN(len(w.readers))].way.cut()
		if _, err := h.run(ctx, w); err != nil {
			return "", fmt.Errorf("%s: %w", strings.Join(done, ", "), err)
		}
	}
	return strings.Join(done, ", "), nil
}
