package store

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"causette/chat"
)

// Options say how a [Store] behaves. A zero value means the default in brackets.
type Options struct {
	// Prefix goes before every key and channel (KEY_PREFIX).
	Prefix string
	// Instance names this process in presence; a random part is added, so that
	// one that starts again is not taken for the one that died.
	Instance string
	// HistorySize is how many messages a room keeps at least [10,000]; up to 100 more,
	// so that not every post trims.
	HistorySize int64
	// HistoryBytes is how many bytes of messages a room keeps at most, each counted as 64
	// more than it has [16 MiB]. The newest is kept whatever it has.
	HistoryBytes int64
	// HistoryTTL is how long after its last message a room's log goes away; 0 = never.
	HistoryTTL time.Duration
	// MessageRate is messages a second of one sender, in one room and, about, in
	// all together (see lazy_limiter.go), over all instances, and MessageBurst how many at once.
	// An address has ten times as many, for all of its sessions. A rate of 0 is no limit for either.
	MessageRate  float64
	MessageBurst int
	// SessionRate is new sessions and nicknames a minute of one address; 0 = no limit.
	SessionRate float64
	// RoomRate is new rooms an hour of one address; 0 = no limit.
	RoomRate float64
	// StreamRate is streams opened a minute by one address; 0 = no limit.
	StreamRate float64
	// LeaveDelay is how long after its last stream closed a session has left;
	// 0 = at once.
	LeaveDelay time.Duration
	// NoticeLimit is how many participants with a nickname a room has at most for joins
	// and leaves to be announced; 0 = they never are. Renames always are.
	NoticeLimit int
	// Log takes what an operator should know [slog.Default]. Never a text or a key.
	Log *slog.Logger

	// Timeout bounds one call, all of its retries included [2 s].
	Timeout time.Duration
	// Lease is how long an instance that fell silent still counts as present [7 s];
	// it is renewed three times as often, and the others look as often, so that
	// a crash shows within four thirds of it.
	Lease time.Duration
	// PresenceEvery is the least time between two announcements of a room's presence,
	// whatever instances make them [250 ms], and between two tellings of changes by
	// this one. A room of 1,000 waits for twice as long, one of 9,000 for ten times;
	// for announcements it goes on so, up to 240 times. All instances should agree.
	PresenceEvery time.Duration
	// PingEvery is when an idle feed connection is asked whether it lives, and how
	// long it has for the answer [5 s].
	PingEvery time.Duration
	// HealthEvery is the time between two looks whether Redis answers [1 s].
	HealthEvery time.Duration
}

func (o Options) withDefaults() Options {
	o.HistorySize = or(o.HistorySize, 10_000)
	o.HistoryBytes = or(o.HistoryBytes, 16<<20)
	o.Timeout = or(o.Timeout, 2*time.Second)
	o.Lease = or(o.Lease, 7*time.Second)
	o.PresenceEvery = or(o.PresenceEvery, 250*time.Millisecond)
	o.PingEvery = or(o.PingEvery, 5*time.Second)
	o.HealthEvery = or(o.HealthEvery, time.Second)
	o.MessageBurst = max(o.MessageBurst, 1)
	o.Log = or(o.Log, slog.Default())
	o.Instance = or(o.Instance, "i") + "-" + rand.Text()[:8]
	return o
}

// or is v, or what stands in for its zero value.
func or[T comparable](v, standIn T) T {
	var zero T
	if v == zero {
		return standIn
	}
	return v
}

// Store is one instance's side of Redis.
type Store struct {
	// Static after construction.
	o       Options
	keys    keys
	clients *Clients
	client  redis.UniversalClient // the rest of clients: for what is neither a post nor the health

	pipeline redis.Scripter // of clients.posts, full-duplex, or that client itself; see pipeline.go
	posting  atomic.Int32   // how many scripts of posts run

	cluster *redis.ClusterClient // client, if it is one: a script may touch one slot only

	landings landings // under way; see group_commit.go

	newestPages *recent[pageKey, *SharedPage]
	olderPages  *recent[pageKey, *SharedPage] // under way only
	recentRooms *recent[int, []RoomInfo]      // by limit
	recentRolls *recent[chat.RoomID, roll]

	feed     *feed
	presence *presence
	health   *health
	active   *activeRooms
	limits   limits
	acked    *acked
	metrics  *metrics

	secret atomic.Pointer[string] // what signs the sessions, in hex; nil until asked for
}

// New makes a Store that talks through clients. It does not dial; the first call
// does. The clients stay the caller's, to be closed after Run returned.
func New(clients *Clients, o Options) *Store {
	o = o.withDefaults()
	cluster, _ := clients.rest.(*redis.ClusterClient)
	s := &Store{
		o: o, keys: keys{o.Prefix}, clients: clients, client: clients.rest, cluster: cluster,
		pipeline: pipelined(clients.posts),
		landings: newLandings(),

		health:  newHealth(),
		active:  newActiveRooms(),
		limits:  newLimits(o, keys{o.Prefix}),
		acked:   newAcked(),
		metrics: newMetrics(),
	}
	s.shareReads()
	s.feed = newFeed(s)
	s.presence = newPresence(s)
	return s
}

// Run keeps the feed connected, presence renewed and health watched until ctx
// ends. It returns nil after the last of its goroutines ended. Nobody leaves the
// rooms then: this instance's lease runs out, and who came back elsewhere in
// time never left.
func (s *Store) Run(ctx context.Context) error {
	var g errgroup.Group
	g.Go(func() error { return s.feed.run(ctx) })
	g.Go(func() error { return s.presence.run(ctx) })
	g.Go(func() error { return s.presence.watchSleep(ctx) })
	g.Go(func() error { return s.watchHealth(ctx) })
	g.Go(func() error { return s.recordActiveRooms(ctx) })
	g.Go(func() error { return s.tellRooms(ctx) })
	return g.Wait()
}
