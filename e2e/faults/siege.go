package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// The parts of a siege, and what an instance may use in one.
const (
	calmFor  = 12 * time.Second
	siegeFor = 15 * time.Second
	afterFor = 4 * time.Second

	memoryBudget = 256 << 20 // bytes resident, of each instance
	// memoryLimit is the GOMEMLIMIT of one that has the budget: nine tenths of it, for
	// what the collector does not see.
	memoryLimit = "230MiB"
	// redisMemory is the maxmemory of a Redis, unless the attack has one of its own.
	redisMemory = 64 << 20
)

// siege is one attack on one world, and the honest people who live there.
type siege struct {
	*world
	attack attack
	honest *honest
	watch  *siegeWatch
	from   addresses // of those who fill rooms
}

// sieges does one attack after the other, each in a world of its own, and prints the
// table. It reports whether all promises were kept.
func (l *lab) sieges(ctx context.Context, out io.Writer, attacks []attack, seed uint64) (kept bool, err error) {
	var results []siegeResult
	kept = true
	for _, a := range attacks {
		if ctx.Err() != nil {
			break
		}
		l.log("%s", a.what)
		r := l.besiege(ctx, a, rowSeed(seed, a.name), siegeReaders, siegePosters)
		l.log("%s", r.row())
		if !r.kept() {
			kept = false
			l.log("%s", r.explain())
		}
		results = append(results, r)
	}
	writeSiegeTable(out, results)
	return kept, context.Cause(ctx)
}

// besiege makes a world, attacks it, and looks how the honest fared.
func (l *lab) besiege(ctx context.Context, a attack, seed uint64, readers, posters int) siegeResult {
	r := siegeResult{result: result{harm: harm{what: a.what}}, attack: a}
	w, err := newWorld(l, rand.New(rand.NewPCG(seed, 0)))
	if err != nil {
		r.err = err
		return r
	}
	ctx, cancel := context.WithCancelCause(ctx)
	s := &siege{world: w, attack: a, honest: newHonest(), watch: newSiegeWatch(), from: addresses{network: 4}}
	defer w.close()
	defer func() {
		cancel(nil)
		if w.writers != nil {
			w.writers.wg.Wait()
		}
		s.honest.close()
		s.watch.wait()
	}()
	r.err = s.live(ctx, cancel, &r, readers, posters)
	s.measure(ctx, &r)
	w.stopReading()
	w.reading.Wait()
	r.look(ctx, w)
	return r
}

// live is a siege's life: a calm, the attack, and a while after it. An instance that
// dies ends it, by cancel.
func (s *siege) live(ctx context.Context, cancel context.CancelCauseFunc, r *siegeResult, readers, posters int) error {
	if err := s.setUp(ctx); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	s.watch.start(ctx, s.world, cancel)
	s.addHonestReaders(readers)
	if err := s.startReading(ctx); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	if err := s.startPosting(ctx, posters); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	if err := s.more(ctx, posters); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	s.startComing(ctx)
	s.watch.arm()
	before, err := s.machine()
	if err != nil {
		return err
	}
	r.calm.begin()
	if err := pause(ctx, s.lasting(calmFor)); err != nil {
		return err
	}
	r.calm.end()
	r.under.begin()
	logged := s.logged()
	got, err := s.strike(ctx)
	r.under.end()
	r.got, r.logged = got, s.logged()-logged
	if after, errMachine := s.machine(); errMachine == nil { // and else an instance is dead, which is told elsewhere
		r.others = after.others(before)
	}
	if err == nil {
		err = pause(ctx, s.lasting(afterFor))
	}
	s.honest.stop()
	s.watch.disarm()
	if err = errors.Join(err, s.writers.stop()); err != nil {
		return err
	}
	ends, err := s.writers.last(ctx)
	if err != nil {
		return err
	}
	return s.everyReader(ctx, back, "has the last messages", func(r *reader) bool { return hasAll(r, ends) })
}

// setUp starts Redis and the instances with the defaults, but for what says where
// they are, and fills what the attack wants full. No proxy is trusted, so that every
// address of the loopback is a client of its own.
func (s *siege) setUp(ctx context.Context) (err error) {
	bounded := []string{"--maxmemory", fmt.Sprint(s.attack.redisLimit()), "--maxmemory-policy", "noeviction"}
	if s.redis, err = s.addRedis(ctx, slices.Concat(keepsNothing, bounded)...); err != nil {
		return err
	}
	settings := append([]string{
		"REDIS_URL=redis://" + s.redis.address(), "GOMEMLIMIT=" + memoryLimit, "TRUSTED_PROXIES=none",
		"MESSAGE_RATE=", "SESSION_RATE=", "ROOM_RATE=", "STREAM_RATE=", "REQUEST_RATE=", "LOG_LEVEL=", "HEARTBEAT=", // empty is the default
	}, s.attack.settings...)
	for range max(1, s.attack.instances) {
		if err := s.addInstance(ctx, s.binary, settings...); err != nil {
			return err
		}
	}
	if s.attack.fill != nil {
		return s.attack.fill(ctx, s)
	}
	return nil
}

// logged is how many bytes the instances have logged.
func (s *siege) logged() (total int64) {
	for _, i := range s.instances {
		n, _ := i.process.Printed()
		total += n
	}
	return total
}

// measure gathers what the siege showed before its people go home.
func (s *siege) measure(ctx context.Context, r *siegeResult) {
	r.calm.took, r.under.took = s.honest.between(r.calm), s.honest.between(r.under)
	r.refused, r.came, r.turnedAway = s.honest.refusals()
	for _, reader := range s.readers {
		r.cuts += reader.view.cuts()
	}
	r.resident, r.unready, r.looks = s.watch.seen()
	for _, i := range s.instances {
		_, longest := i.process.Printed()
		r.longestLine = max(r.longestLine, longest)
	}
	if s.redis == nil {
		return
	}
	about, err := s.redis.tell(context.WithoutCancel(ctx), "INFO", "memory")
	if err == nil {
		r.redis, err = infoField(about, "used_memory_peak")
	}
	r.err = errors.Join(r.err, err)
}

// infoField is a number in the answer to INFO.
func infoField(about, name string) (n int64, err error) {
	for line := range strings.Lines(about) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			_, err = fmt.Sscan(value, &n)
			return n, err
		}
	}
	return 0, fmt.Errorf("INFO has no %s", name)
}
