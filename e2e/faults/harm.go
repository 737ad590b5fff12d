package main

import (
	"context"
	"time"
)

// harm is one fault, as a row of the table does it.
type harm struct {
	name string // as -only takes it
	what string // as the table tells it
	// loses says that Redis itself loses data, so that gaps may be told.
	loses bool
	// alone says that the row needs a loopback of its own.
	alone bool
	// setup starts Redis and the instances.
	setup func(ctx context.Context, w *world) error
	// run does the harm, and ends it, while writers write and readers read. What it
	// returns is told in the table's last column.
	run func(ctx context.Context, w *world) (note string, err error)
}

// harms are the rows, in the table's order. The mix does those of them that are
// in mixed one after the other.
func harms() []harm {
	return []harm{
		{name: "nothing", what: "nothing", setup: two(keepsAll), run: nothing},
		{name: "drops", what: "readers cut off for 0 to 5 s, again and again", setup: two(keepsAll), run: dropReaders},
		{name: "half-open", what: "the way to the readers half-open for 10 s", setup: two(keepsAll), run: stallReaders},
		{name: "byte", what: "every other reader reads a byte a second for 20 s, with 7.6 KB a message", setup: two(keepsAll), run: starveReaders},
		{name: "kill", what: "instances killed (`kill -9`) and started again", setup: two(keepsAll), run: killInstances},
		{name: "rolling", what: "rolling restart (SIGTERM)", setup: two(keepsAll), run: rollingRestart},
		{name: "freeze", what: "an instance paused (SIGSTOP) for 20 s", setup: two(keepsAll), run: freezeInstance},
		{name: "redis-always", what: "Redis killed and restarted, AOF `always`", setup: two(keepsAll), run: restartRedis},
		{name: "redis-everysec", what: "Redis killed and restarted, AOF `everysec`", loses: true, setup: two(keepsASecond), run: restartRedis},
		{name: "power-everysec", what: "Redis's machine loses power, AOF `everysec`: the file's last second is gone; half of the readers away meanwhile", loses: true, setup: two(keepsASecond), run: powerCut},
		{name: "redis-nothing", what: "Redis killed and restarted, no persistence", loses: true, setup: two(keepsNothing), run: restartRedis},
		{name: "flushall", what: "`FLUSHALL`", loses: true, setup: two(keepsAll), run: flushRedis},
		{name: "redis-frozen", what: "Redis paused (SIGSTOP) for 10 s", setup: two(keepsAll), run: freezeRedis},
		{name: "link-cut", what: "link to Redis cut, for 0 to 3 s", setup: two(keepsAll), run: cutLinks},
		{name: "link-half-open", what: "link to Redis half-open for 20 s", setup: two(keepsAll), run: stallLink},
		{name: "link-slow", what: "link to Redis slow: 100 ms, 64 KiB/s", setup: two(keepsAll), run: slowLink},
		{name: "pubsub-kill", what: "`CLIENT KILL TYPE pubsub`", setup: two(keepsAll), run: killPubSub},
		{name: "output-limit", what: "pub/sub output buffer limit hit", setup: two(keepsAll), run: overflowOutput},
		{name: "disk-full", what: "Redis's disk full (MISCONF) for 10 s, AOF `everysec`", setup: two(keepsASecond), run: fillDisk},
		{name: "sentinel", what: "Sentinel failover; the last second was on the old master only, which comes back; half of the readers away meanwhile", loses: true, setup: sentinelRedis, run: failOver},
		{name: "cluster-slot", what: "Redis Cluster: the room's slot moves to another master and back", setup: clusterRedis, run: moveSlot},
		{name: "cluster-kill", what: "Redis Cluster: a master killed; its replica takes over without the last second; half of the readers away meanwhile", loses: true, setup: clusterRedis, run: killMaster},
		{name: "clock", what: "one instance's clock set an hour forward, two back, and right", setup: oneStepping, run: stepClock},
		{name: "embedded", what: "no `REDIS_URL`: the instance with the embedded Redis killed; another takes over", loses: true, alone: true, setup: embeddedRedis, run: takeOver},
		{name: "mix", what: "a random mix", setup: two(keepsAll), run: mix},
	}
}

// two makes the setup of two instances and one Redis that keeps what options say.
func two(options []string) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error { return w.oneRedis(ctx, 2, options) }
}

func nothing(ctx context.Context, w *world) (string, error) {
	return "", pause(ctx, w.lasting(10*time.Second))
}

// some is a time from 0 up to most.
func (w *world) some(most time.Duration) time.Duration {
	return time.Duration(w.random.Float64() * float64(most))
}
