package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"causette/chat"
)

// Posts to one room are landed in groups: one lands at once; those that come
// while Redis is busy with it land together in the next step. That is a group
// commit (DeWitt and others, Implementation Techniques for Main Memory Database
// Systems, 1984): it costs a lone post nothing, and many at once share the script's
// fixed part, the announcement, and the way there and back. Once many wait, another
// step need not wait for the one before: neither Redis nor this process is then idle
// while the other works.

const (
	// nonceTTL is how long a repeated nonce is known.
	nonceTTL = 10 * time.Minute
	// maxGroup and maxGroupBytes bound one step: Redis does nothing else meanwhile,
	// which is then about a millisecond.
	maxGroup, maxGroupBytes = 64, 256 << 10
	// maxSteps is how many steps of one room may be under way, and worthAnother how many
	// posts have to wait for there to be another: smaller ones would share too little.
	maxSteps, worthAnother = 2, 16
	// maxWaiting is how many posts of one room may wait for their turn.
	maxWaiting = 8192
)

var (
	appendScript = lua("clock", "announce", "gcra", "head", "token", "log_trim", "append")

	// errNotHeld may also mean that the session must take its nickname first.
	errNotHeld = errors.New("the nickname is not held by who uses it")
	// errNewRoom says that the room is not there, and the post was not let begin it.
	errNewRoom = errors.New("the room would be a new one")
	// errQueue is of a post that Redis was not asked about.
	errQueue = fmt.Errorf("%w: too many posts to this room wait", chat.ErrBusy)
)

// landing is a post that waits to be landed. All but must and mayBegin is static.
type landing struct {
	ctx      context.Context // the poster's: who went away is not landed any more
	post     Post
	nonce    string
	payload  []byte
	identity []byte // of the message, for its nonce: the digest of its text, and its time
	must     string // what the nickname must be, for append.lua
	mayBegin bool   // the post may be the first of its room
	done     chan landed
}

// What append.lua sees to, beside that the session's token counts: that the session
// holds the nickname, that nobody else does, or nothing since it was seen to.
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
		must: must, mayBegin: p.Room == chat.Lobby || p.Address == "", done: make(chan landed, 1),
	}
}

// landings are the posts under way.
type landings struct {
	mu sync.Mutex
	// rooms are those with steps under way; guarded by mu, as is what they have.
	rooms map[chat.RoomID]*roomLandings
}

type roomLandings struct {
	waiting []*landing // whose turn has not come
	steps   int        // under way; at least one
}

func newLandings() landings { return landings{rooms: make(map[chat.RoomID]*roomLandings)} }

// add has a post wait. It may return a group, whose step the caller then has to take.
func (w *landings) add(l *landing) (group []*landing, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.rooms[l.post.Room]
	if r == nil {
		r = &roomLandings{}
		w.rooms[l.post.Room] = r
	}
	if len(r.waiting) == maxWaiting {
		return nil, errQueue
	}
	r.waiting = append(r.waiting, l)
	if r.steps == 0 || r.steps < maxSteps && len(r.waiting) >= worthAnother {
		r.steps++
		return r.take(), nil
	}
	return nil, nil
}

// next is for who has taken a step: it returns the group of the next one. It is nil if
// nobody waits, or so few do that they may wait for the step that is still under way.
func (w *landings) next(room chat.RoomID) []*landing {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.rooms[room]
	if len(r.waiting) == 0 || r.steps > 1 && len(r.waiting) < worthAnother {
		if r.steps--; r.steps == 0 {
			delete(w.rooms, room)
		}
		return nil
	}
	return r.take()
}

// take is the next group; somebody waits.
func (r *roomLandings) take() []*landing {
	n, bytes := 0, 0
	for n < min(len(r.waiting), maxGroup) && bytes < maxGroupBytes {
		bytes += len(r.waiting[n].payload)
		n++
	}
	group := r.waiting[:n:n]
	if r.waiting = r.waiting[n:]; len(r.waiting) == 0 {
		r.waiting = nil // what has landed is not kept
	}
	return group
}

// land lands one post with others of its room.
func (s *Store) land(l *landing) (Receipt, error) {
	if err := s.refuses(); err != nil {
		return Receipt{}, s.failed(l.ctx, "append", err) // nothing gathers before a Redis known to take none
	}
	group, err := s.landings.add(l)
	if err != nil {
		return Receipt{}, err
	}
	if room := l.post.Room; group != nil {
		// Here, for a lone post need not change goroutines. Those that come meanwhile
		// are not this caller's to wait for. Its own may have to wait for its turn.
		s.landGroup(room, group)
		if group := s.landings.next(room); group != nil {
			go s.landAll(room, group)
		}
	}
	select {
	case r := <-l.done:
		if r.err != nil {
			return Receipt{}, r.err
		}
		receipt, err := l.receipt(r)
		return receipt, s.refusal(err)
	case <-l.ctx.Done():
		return Receipt{}, s.failed(l.ctx, "append", l.ctx.Err())
	}
}

// landAll lands a group, and then a room's posts as long as next has some.
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
	s.forgetNewest(room) // they may have been stored, whatever is known
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

// appendGroup runs append.lua, which has a reply for each.
func (s *Store) appendGroup(ctx context.Context, room chat.RoomID, group []*landing) ([]any, error) {
	const keysFirst, keysEach, argsFirst, argsEach = 2, 4, 10, 6
	limit, mayBegin := s.limits.messages.limit, 0
	if slices.ContainsFunc(group, func(l *landing) bool { return l.mayBegin }) {
		mayBegin = 1
	}
	keys := append(make([]string, 0, keysFirst+keysEach*len(group)), s.keys.head(room), s.keys.log(room))
	args := append(make([]any, 0, argsFirst+argsEach*len(group)),
		s.o.HistorySize, s.o.HistoryBytes, s.o.HistoryTTL.Milliseconds(), nonceTTL.Milliseconds(),
		limit.interval(), limit.burst, s.publishVerb(), s.keys.channel(room), int(nameTTL.Seconds()), mayBegin)
	for _, l := range group {
		rate := s.keys.rate(room, l.post.Who)
		name, tokens := rate, rate // any key of the room's slot, if the script does not look at it
		if l.must != nameChecked {
			name = s.keys.name(l.post.Message.Author.Nickname)
		}
		if l.must != nameChecked && l.post.Session != "" {
			tokens = s.keys.tokens(l.post.Session)
		}
		keys = append(keys, s.keys.nonce(room, l.post.Message.Author.ID, l.nonce), rate, name, tokens)
		args = append(args, l.payload, l.identity, l.post.Session, l.must, l.post.Token.Generation, l.post.Token.ID)
	}
	v, err := s.post(ctx, appendScript, keys, args...)
	if err := s.failed(ctx, "append", err); err != nil {
		return nil, err
	}
	replies, _ := v.([]any)
	if len(replies) != len(group) {
		return nil, fmt.Errorf("append: %d replies to %d posts", len(replies), len(group))
	}
	return replies, nil
}
