package store

import (
	"context"
	"errors"
	"math"
	"time"

	"causette/chat"
)

var allowScript = lua("clock", "gcra", "allow")

const (
	// leastMessageBatch is how many messages of a sender are charged at once, at least:
	// two seconds' worth at the default rate.
	leastMessageBatch = 10
	// maxStreamBatch is the most streams of an address that are charged at once. Below it,
	// a batch is as many as the address may open in a second.
	maxStreamBatch = 100
	// addressShare is how many sessions' worth of messages an address has. Of two hundred
	// people behind it, each can then say something every four seconds, all day.
	addressShare = 10
	// addressBurst is how many sessions' bursts it has: two hundred readers are sent each of
	// those messages in the same moment.
	addressBurst = 5
	// bytesPerUnit is of how many bytes a message counts as one more of its address's. Most
	// have a tenth of it.
	bytesPerUnit = 2 << 10
	// storedUnit is the bytes of a log that count as one unit of what an address stores. It
	// may store a whole room's worth a day: so in the week that rooms are kept, one address
	// fills eight rooms' worth of Redis, whatever it does, and not all of it.
	storedUnit = 64
	// storedBatch is how many of those are charged at once: 16 KiB.
	storedBatch = 256
)

// limit is so many units a second, and a burst of them at once.
type limit struct {
	policy string // the limit's name, for who runs into it
	rate   float64
	burst  int
}

// perMinute is a limit on what is counted by the minute: a minute's worth at once.
func perMinute(policy string, rate float64) limit { return limit{policy, rate / 60, max(int(rate), 1)} }

// perHour is a limit on what is counted by the hour: an hour's worth at once.
func perHour(policy string, rate float64) limit { return limit{policy, rate / 3600, max(int(rate), 1)} }

// perDay is a limit on what is counted by the day: a day's worth at once.
func perDay(policy string, n int) limit { return limit{policy, float64(n) / 86400, max(n, 1)} }

// interval is the rate as the scripts take it: microseconds between two units, 0 = no limit.
func (l limit) interval() int64 {
	if l.rate <= 0 {
		return 0
	}
	return max(int64(1e6/l.rate), 1)
}

// refusal says which limit it is, and for how long nothing passes.
func (l limit) refusal(wait time.Duration) *chat.RateLimited {
	n, window := quota(l.rate, l.burst)
	return &chat.RateLimited{RetryAfter: wait, Policy: l.policy, Quota: n, Window: window}
}

// quota is a rate a second and a burst as one number in whole seconds: what may
// come in the time that it takes a burst to be allowed again.
func quota(rate float64, burst int) (int, time.Duration) {
	seconds := max(1, math.Ceil(float64(burst)/rate))
	return max(burst, int(seconds*rate)), time.Duration(seconds) * time.Second
}

// limits are what the store holds everybody to, over all instances.
type limits struct {
	// Static after construction.
	sessions limit // new ones and nicknames, by address
	rooms    limit // new ones, by address

	messages  *lazyLimiter // by sender, in all rooms together; append.lua sees to each room
	addresses *lazyLimiter // messages and their bytes, refused ones too, by address
	stored    *lazyLimiter // bytes of messages, by address
	streams   *lazyLimiter // opened, by address
}

func newLimits(o Options, k keys) limits {
	messages := limit{"messages", o.MessageRate, o.MessageBurst}
	addresses := limit{"address", addressShare * o.MessageRate, addressBurst * o.MessageBurst}
	storage := perDay("storage", int(o.HistoryBytes/storedUnit))
	if o.MessageRate <= 0 {
		storage.rate = 0
	}
	streams := perMinute("streams", o.StreamRate)
	l := limits{
		sessions: perMinute("nicknames", o.SessionRate), rooms: perHour("rooms", o.RoomRate),
		messages:  newLazyLimiter(messages, max(int(messages.rate/10), leastMessageBatch), k.sender),
		addresses: newLazyLimiter(addresses, max(int(addresses.rate/2), leastMessageBatch), k.said),
		stored:    newLazyLimiter(storage, storedBatch, k.stored),
		streams:   newLazyLimiter(streams, min(max(int(streams.rate), 1), maxStreamBatch), k.streams),
	}
	l.streams.standsIn = true
	return l
}

// allow charges one to a limit whose state is at key. Too many are [*chat.RateLimited].
func (s *Store) allow(ctx context.Context, l limit, key string) error {
	if l.rate <= 0 {
		return nil
	}
	v, err := s.run(ctx, "limit "+l.policy, allowScript, []string{key}, l.interval(), l.burst)
	if err != nil {
		return err
	}
	if wait, _ := v.(int64); wait > 0 {
		return l.refusal(time.Duration(wait) * time.Microsecond)
	}
	return nil
}

// AllowSession charges one new session or nickname to an address, over all
// instances: SessionRate a minute, as many at once. Too many are [*chat.RateLimited].
func (s *Store) AllowSession(ctx context.Context, addr string) error {
	return s.allow(ctx, s.limits.sessions, s.keys.address(addr))
}

// AllowStream counts one more stream of an address, over all instances: StreamRate
// a minute, as many at once. Too many are [*chat.RateLimited]. A Redis that is full, or
// takes no writes, takes no reading away: this instance then counts alone. While Redis is
// known to be away nothing is counted, for then streams are all that readers have.
func (s *Store) AllowStream(ctx context.Context, addr string) error {
	if !s.Up() {
		return nil
	}
	if err := s.limits.streams.allow(addr); err != nil {
		return err
	}
	s.charge(ctx, s.limits.streams, addr, 1)
	return nil
}

// chargePost counts what became of a post against its sender and its address. One that
// Redis refused, or answered from a nonce, has cost as much as a message, and counts for
// its address as one. While Redis is away nothing is counted.
func (s *Store) chargePost(ctx context.Context, p Post, r Receipt, err error) {
	switch {
	case err == nil && !r.Duplicate:
		s.charge(ctx, s.limits.messages, p.Who, 1)
		s.charge(ctx, s.limits.addresses, p.Address, 1+len(r.JSON)/bytesPerUnit)
		s.charge(ctx, s.limits.stored, p.Address, 1+len(r.JSON)/storedUnit)
	case !errors.Is(err, chat.ErrUnavailable), errors.Is(err, chat.ErrStorageFull):
		s.charge(ctx, s.limits.addresses, p.Address, 1)
	}
}
