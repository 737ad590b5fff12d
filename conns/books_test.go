package conns

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
)

// Whatever happens, in whatever order, the counts are those of the connections. In a
// bubble, so that no sweep comes by itself.
func TestLimiter_KeepsItsBooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for seed := range uint64(20) {
			random := rand.New(rand.NewPCG(seed, 0))
			files := 40
			d := newDoor(t, Options{Limit: 24, Files: func() int { return files }})
			var all []*conn
			for range 2000 {
				if random.IntN(10) < 4 || len(all) == 0 {
					given := &fakeConn{from: fmt.Sprintf("192.0.2.%d", random.IntN(8))}
					c := &conn{Conn: given, limiter: d.Limiter, peer: d.keyOf(peer(given))}
					c.peer.proxy = random.IntN(3) == 0
					d.arrive(c)
					all = append(all, c)
				} else {
					d.anything(random, all[random.IntN(len(all))], &files)
				}
				if d.audit(all); t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
			d.close()
		}
	})
}

// anything does something to a connection.
func (d door) anything(random *rand.Rand, c *conn, files *int) {
	switch random.IntN(6) {
	case 0:
		d.StateChanged(c, http.StateClosed)
	case 1:
		d.idle(c)
	case 2:
		d.BecomesStream(d.request(c))
	case 3:
		d.served(c)
	case 4:
		d.Owned(d.request(c), fmt.Sprintf("192.0.2.%d", random.IntN(8)))
	default:
		*files = 24 + random.IntN(30)
		d.sweep()
	}
}

// audit compares the counts with the connections.
func (d door) audit(all []*conn) {
	d.t.Helper()
	var counts [4]int
	for _, c := range all {
		counts[c.state]++
	}
	var actives, waits, turns int
	for _, o := range d.owners {
		actives, waits = actives+len(o.active), waits+o.waiting.Len()
		if len(o.active) > len(d.byActive.first().active) || o.waiting.Len() > d.byWaiting.first().waiting.Len() {
			d.t.Errorf("%v has more than the first", o.key)
		}
		if hasTurn := o.waiting.Len() > 0 && d.ownsLessLocked(o); hasTurn != (o.turn != nil) {
			d.t.Errorf("%v: has a turn: %v, with %d active and %d waiting", o.key, !hasTurn, len(o.active), o.waiting.Len())
		}
		if o.turn != nil {
			turns++
		}
		if len(o.active)+o.waiting.Len() == 0 {
			d.t.Errorf("%v is an owner of nothing", o.key)
		}
	}
	if counts[active] != d.active || actives != d.active || counts[waiting] != d.waiting.Len() || waits != d.waiting.Len() ||
		turns != d.turns.Len() || len(d.owners) != d.byActive.Len() || len(d.owners) != d.byWaiting.Len() {
		d.t.Errorf("%v by state, %d active (%d of owners), %d waiting (%d), %d turns (%d)",
			counts, d.active, actives, d.waiting.Len(), waits, d.turns.Len(), turns)
	}
	if d.turns.Len() > 0 && d.active < d.o.Limit {
		d.t.Errorf("%d owners wait although there is room", d.turns.Len())
	}
}
