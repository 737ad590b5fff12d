package conns

import (
	"container/heap"
	"container/list"
	"net"
	"net/netip"

	"causette/addr"
)

// ownerKey tells owners apart. A proxy's own connections are apart from those of a
// client at its address, and of its network.
type ownerKey struct {
	address string
	proxy   bool
}

// owner is who has connections. Guarded by Limiter.mu.
type owner struct {
	key     ownerKey
	active  []*conn
	waiting list.List     // of *conn, the oldest first
	turn    *list.Element // in Limiter.turns; nil unless one of its waiting ones may have the next place
	at      [2]int        // in Limiter.byActive and Limiter.byWaiting
}

// add takes a connection among the active ones.
func (o *owner) add(c *conn) {
	c.owner, c.at = o, len(o.active)
	o.active = append(o.active, c)
}

// remove is the inverse of add.
func (o *owner) remove(c *conn) {
	last := len(o.active) - 1
	o.active[c.at], o.active[last].at = o.active[last], c.at
	o.active[last] = nil
	o.active = o.active[:last]
	c.owner = nil
}

// longestIdle is the connection that has been between two requests for longest; nil
// where there is none.
func (o *owner) longestIdle() *conn {
	return oldest(o.active, func(c *conn) bool { return c.idle && !c.spokeSince() })
}

// stalest is the active connection to do without first: an idle one, else one that
// is not being served, else any; of these the one without progress for longest.
func (o *owner) stalest() *conn {
	if c := o.longestIdle(); c != nil {
		return c
	}
	if c := oldest(o.active, func(c *conn) bool { return !c.serving.Load() }); c != nil {
		return c
	}
	return oldest(o.active, func(*conn) bool { return true })
}

func oldest(conns []*conn, is func(*conn) bool) (found *conn) {
	for _, c := range conns {
		if is(c) && (found == nil || c.lastByte.Load() < found.lastByte.Load()) {
			found = c
		}
	}
	return found
}

// peer is the address at the other end of a connection.
func peer(c net.Conn) netip.Addr {
	tcp, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return addr.Plain(tcp.AddrPort().Addr())
}

// keyOf is who owns the connections of a peer: a proxy by itself, others as
// [addr.OwnerOf] says.
func (l *Limiter) keyOf(a netip.Addr) ownerKey {
	if l.o.Proxies.Contain(a) {
		return ownerKey{address: a.String(), proxy: true}
	}
	return ownerKey{address: addr.OwnerOf(a)}
}

// ranking is a heap of owners whose first has the most of something.
type ranking struct {
	index  int // in owner.at
	count  func(*owner) int
	owners []*owner
}

var _ heap.Interface = (*ranking)(nil)

func (r *ranking) Len() int           { return len(r.owners) }
func (r *ranking) Less(i, j int) bool { return r.count(r.owners[i]) > r.count(r.owners[j]) }
func (r *ranking) Swap(i, j int) {
	r.owners[i], r.owners[j] = r.owners[j], r.owners[i]
	r.owners[i].at[r.index], r.owners[j].at[r.index] = i, j
}

func (r *ranking) Push(o any) {
	o.(*owner).at[r.index] = len(r.owners)
	r.owners = append(r.owners, o.(*owner))
}

func (r *ranking) Pop() any {
	last := len(r.owners) - 1
	o := r.owners[last]
	r.owners[last] = nil
	r.owners = r.owners[:last]
	return o
}

// first is the owner that has the most; nil if there is no owner.
func (r *ranking) first() *owner {
	if len(r.owners) == 0 {
		return nil
	}
	return r.owners[0]
}
