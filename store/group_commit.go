package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
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
	appendScript = lua("gcra", "head", "append")

	errNotHeld = errors.New("the nickname is not held by who uses it")
	errQueue   = fmt.Errorf("%w: too many posts to this room wait", chat.ErrUnavailable)
)

// landing is a post that waits to be landed. All but nameChecked is static.
type landing struct {
	ctx         context.Context // the poster's: who went away is not landed any more
	post        Post
	nonce       string
	payload, at []byte
	digest      string
	nameChecked bool // the post may use its nickname
	done        chan landed
}

// landed is what became of a landing: append.lua's reply for it, or why not.
type landed struct {
	reply any
	err   error
}

func newLanding(ctx context.Context, p Post) (*landing, error) {
	payload, err := p.Message.Payload()
	if err != nil {
		return nil, err
	}
	at, err := p.Message.At.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("append: %w", err)
	}
	nonce := string(p.Nonce)
	if nonce == "" {
		nonce = "~" + rand.Text() // no sender's nonce has a ~
	}
	return &landing{
		ctx: ctx, post: p, nonce: nonce, payload: payload, at: at, digest: digest(p.Message.Text),
		done: make(chan landed, 1),
	}, nil
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

// land lands one post with others of its room, and returns append.lua's reply.
func (s *Store) land(l *landing) (any, error) {
	if err := s.health.down(); err != nil {
		return nil, s.failed(l.ctx, "append", err) // nothing gathers before a Redis known to be away
	}
	idle, err := s.landings.add(l)
	if err != nil {
		return nil, err
	}
	if idle {
		go s.landAll(l.post.Room)
	}
	select {
	case r := <-l.done:
		return r.reply, s.failed(l.ctx, "append", r.err)
	case <-l.ctx.Done():
		return nil, s.failed(l.ctx, "append", l.ctx.Err())
	}
}

// landAll lands a room's posts until none wait.
func (s *Store) landAll(room chat.RoomID) {
	for group := s.landings.next(room); group != nil; group = s.landings.next(room) {
		s.landGroup(room, group)
	}
}

// landGroup lands a group in one step, within the time of one call, and answers each.
func (s *Store) landGroup(room chat.RoomID, group []*landing) {
	ctx, cancel := context.WithTimeout(context.Background(), s.o.Timeout)
	defer cancel()
	if group = s.admitted(ctx, group); len(group) == 0 {
		return
	}
	replies, err := s.appendGroup(ctx, room, group)
	for i, l := range group {
		if err != nil {
			l.done <- landed{err: err}
		} else {
			l.done <- landed{reply: replies[i]}
		}
	}
}

// admitted are those of a group whose posters are still there and may use their
// nicknames; the others are answered. Names lie in other slots of a Cluster than
// the room, so that it is a trip of its own.
func (s *Store) admitted(ctx context.Context, group []*landing) []*landing {
	admitted := group[:0]
	pipe := s.client.Pipeline()
	holders := make([]*redis.StringCmd, 0, len(group))
	for _, l := range group {
		switch {
		case l.ctx.Err() != nil: // nobody waits for the answer
			continue
		case l.nameChecked:
			holders = append(holders, nil)
		case l.post.Guest:
			holders = append(holders, pipe.Get(ctx, s.keys.name(l.post.Message.Author.Nickname)))
		default:
			holders = append(holders, pipe.GetEx(ctx, s.keys.name(l.post.Message.Author.Nickname), nameTTL))
		}
		admitted = append(admitted, l)
	}
	if pipe.Len() > 0 {
		_, _ = pipe.Exec(ctx) // each command has its own error
	}
	group, admitted = admitted, admitted[:0]
	for i, l := range group {
		if err := l.post.heldBy(holders[i]); err != nil {
			l.done <- landed{err: err}
			continue
		}
		admitted = append(admitted, l)
	}
	return admitted
}

// heldBy is nil if a post may use its nickname, seen who holds it. errNotHeld may
// also mean that it must take it first.
func (p Post) heldBy(found *redis.StringCmd) error {
	if found == nil {
		return nil
	}
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
	keys := make([]string, 2, 2+2*len(group))
	keys[0], keys[1] = s.keys.head(room), s.keys.log(room)
	args := make([]any, 6, 6+3*len(group))
	args[0], args[1], args[2] = s.o.HistorySize, s.o.HistoryTTL.Milliseconds(), nonceTTL.Milliseconds()
	args[3], args[4], args[5] = interval, burst, s.keys.channel(room)
	for _, l := range group {
		keys = append(keys, s.keys.nonce(room, l.post.Message.Author.ID, l.nonce), s.keys.rate(room, l.post.Who))
		args = append(args, l.payload, l.digest, l.at)
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
