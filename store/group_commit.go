package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

// Posts to one room are landed in groups: one lands at once; those that come
// while Redis is busy with it land together in the next step. That is a group
// commit (DeWitt and others, Implementation Techniques for Main Memory Database
// Systems, 1984): it costs a lone post nothing, and many at once share the script's
// fixed part, the announcement, and the way there and back.

const (
	// nonceTTL is how long a repeated nonce is known.
	nonceTTL = 10 * time.Minute
	// maxGroup and maxGroupBytes bound one step: Redis does nothing else meanwhile,
	// which is then about a millisecond.
	maxGroup, maxGroupBytes = 64, 256 << 10
	// maxWaiting is how many posts of one room may wait for their turn.
	maxWaiting = 8192
)

var (
	appendScript = lua("clock", "announce", "gcra", "head", "append")

	// errNotHeld may also mean that the session must take its nickname first.
	errNotHeld = errors.New("the nickname is not held by who uses it")
	errQueue   = fmt.Errorf("%w: too many posts to this room wait", chat.ErrUnavailable)
)

// landing is a post that waits to be landed. All but must is static.
type landing struct {
	ctx      context.Context // the poster's: who went away is not landed any more
	post     Post
	nonce    string
	payload  []byte
	identity []byte // of the message, for its nonce: the digest of its text, and its time
	must     string // what the nickname must be, for append.lua
	done     chan landed
}

// What append.lua sees to: that the session holds the nickname, that nobody else
// does, or nothing since it was seen to.
const nameHeld, nameFree, nameChecked = "held", "free", "checked"

// landed is what became of a landing: append.lua's reply for it, or why not.
type landed struct {
	reply any
	epoch int64 // of the id, if it is not the reply's any more; else 0
	err   error
}

func newLanding(ctx context.Context, p Post) *landing {
	nonce := string(p.Nonce)
	if nonce == "" {
		nonce = "~" + rand.Text() // no sender's nonce has a ~
	}
	must := nameHeld
	if p.Guest {
		must = nameFree
	}
	return &landing{
		ctx: ctx, post: p, nonce: nonce, payload: p.Message.Payload(), identity: identity(p.Message),
		must: must, done: make(chan landed, 1),
	}
}

// landings are the posts under way.
type landings struct {
	mu sync.Mutex
	// waiting are the posts of each room whose turn has not come; guarded by mu. A
	// room has an entry, if an empty one, as long as somebody lands its posts.
	waiting map[chat.RoomID][]*landing
}

// add has a post wait. It reports whether its room is idle, so that the caller
// must see to it that somebody lands it.
func (w *landings) add(l *landing) (idle bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	queue, busy := w.waiting[l.post.Room]
	if len(queue) == maxWaiting {
		return false, errQueue
	}
	w.waiting[l.post.Room] = append(queue, l)
	return !busy, nil
}

// next takes a room's next group; none makes the room idle.
func (w *landings) next(room chat.RoomID) []*landing {
	w.mu.Lock()
	defer w.mu.Unlock()
	queue := w.waiting[room]
	n, bytes := 0, 0
	for n < min(len(queue), maxGroup) && bytes < maxGroupBytes {
		bytes += len(queue[n].payload)
		n++
	}
	switch n {
	case 0:
		delete(w.waiting, room)
	case len(queue):
		w.waiting[room] = nil
	default:
		w.waiting[room] = queue[n:]
	}
	return queue[:n:n]
}

// land lands one post with others of its room.
func (s *Store) land(l *landing) (Receipt, error) {
	if err := s.health.down(); err != nil {
		return Receipt{}, s.failed(l.ctx, "append", err) // nothing gathers before a Redis known to be away
	}
	idle, err := s.landings.add(l)
	if err != nil {
		return Receipt{}, err
	}
	if room := l.post.Room; idle {
		// Here, for a lone post need not change goroutines. Those that come meanwhile
		// are not this caller's to wait for.
		s.landGroup(room, s.landings.next(room))
		if group := s.landings.next(room); group != nil {
			go s.landAll(room, group)
		}
	}
	select {
	case r := <-l.done:
		if r.err != nil {
			return Receipt{}, s.failed(l.ctx, "append", r.err)
		}
		return l.receipt(r)
	case <-l.ctx.Done():
		return Receipt{}, s.failed(l.ctx, "append", l.ctx.Err())
	}
}

// landAll lands a group, and then a room's posts until none wait.
func (s *Store) landAll(room chat.RoomID, group []*landing) {
	for ; group != nil; group = s.landings.next(room) {
		s.landGroup(room, group)
	}
}

// landGroup lands a group in one step, within the time of one call, and answers each. One
// that shows that the log lost its end has it torn first, within the time of another.
func (s *Store) landGroup(room chat.RoomID, group []*landing) {
	ctx, cancel := context.WithTimeout(context.Background(), s.o.Timeout)
	defer cancel()
	// Nobody waits for the answer of who went away.
	group = slices.DeleteFunc(group, func(l *landing) bool { return l.ctx.Err() != nil })
	if s.cluster != nil {
		group = s.checkNames(ctx, group)
	}
	if len(group) == 0 {
		return
	}
	replies, err := s.appendGroup(ctx, room, group)
	var epoch int64
	if err == nil {
		epoch = s.acknowledge(room, group, replies)
	}
	for i, l := range group {
		if err != nil {
			l.done <- landed{err: err}
		} else {
			l.done <- landed{reply: replies[i], epoch: epoch}
		}
	}
}

// checkNames sees to it that the posts of a group may use their nicknames, before
// append.lua: in a Cluster names lie in other slots than the room. It returns those
// that may; the others are answered.
func (s *Store) checkNames(ctx context.Context, group []*landing) []*landing {
	pipe := s.client.Pipeline()
	holders := make([]*redis.StringCmd, len(group))
	for i, l := range group {
		switch name := s.keys.name(l.post.Message.Author.Nickname); l.must {
		case nameFree:
			holders[i] = pipe.Get(ctx, name)
		case nameHeld:
			holders[i] = pipe.GetEx(ctx, name, nameTTL)
		}
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	checked := group[:0]
	for i, l := range group {
		if l.must != nameChecked {
			if err := l.post.heldBy(holders[i]); err != nil {
				l.done <- landed{err: err}
				continue
			}
			l.must = nameChecked
		}
		checked = append(checked, l)
	}
	return checked
}

// heldBy is nil if a post may use its nickname, seen who holds it.
func (p Post) heldBy(found *redis.StringCmd) error {
	holder, err := found.Result()
	switch {
	case errors.Is(err, redis.Nil) && p.Guest:
		return nil
	case errors.Is(err, redis.Nil), err == nil && holder != p.Session:
		return errNotHeld
	default:
		return err
	}
}

// appendGroup runs append.lua, which has a reply for each.
func (s *Store) appendGroup(ctx context.Context, room chat.RoomID, group []*landing) ([]any, error) {
	interval, burst := s.messageLimit()
	keys := make([]string, 2, 2+3*len(group))
	keys[0], keys[1] = s.keys.head(room), s.keys.log(room)
	args := make([]any, 8, 8+4*len(group))
	args[0], args[1], args[2] = s.o.HistorySize, s.o.HistoryTTL.Milliseconds(), nonceTTL.Milliseconds()
	args[3], args[4], args[5] = interval, burst, s.publishVerb()
	args[6], args[7] = s.keys.channel(room), int(nameTTL.Seconds())
	for _, l := range group {
		rate := s.keys.rate(room, l.post.Who)
		name := rate // any key of the room's slot, if the script does not look at it
		if l.must != nameChecked {
			name = s.keys.name(l.post.Message.Author.Nickname)
		}
		keys = append(keys, s.keys.nonce(room, l.post.Message.Author.ID, l.nonce), rate, name)
		args = append(args, l.payload, l.identity, l.post.Session, l.must)
	}
	v, err := s.post(ctx, appendScript, keys, args...)
	if err != nil {
		return nil, err
	}
	replies, _ := v.([]any)
	if len(replies) != len(group) {
		return nil, fmt.Errorf("append: %d replies to %d posts", len(replies), len(group))
	}
	return replies, nil
}
