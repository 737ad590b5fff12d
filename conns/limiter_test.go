package conns

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"causette/addr"
)

// fakeConn has an address, and knows whether it was closed.
type fakeConn struct {
	net.Conn
	from   string
	closed atomic.Bool
}

func (c *fakeConn) Close() error { c.closed.Store(true); return nil }
func (c *fakeConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(c.from), 1))
}
func (c *fakeConn) Read([]byte) (int, error)    { return 1, nil }
func (c *fakeConn) Write(p []byte) (int, error) { return len(p), nil }

// door is a limiter with connections that come to it.
type door struct {
	t *testing.T
	*Limiter
}

func newDoor(t *testing.T, o Options) door {
	t.Helper()
	l := New(o)
	t.Cleanup(l.close)
	return door{t, l}
}

// come has n connections arrive from an address, a millisecond apart.
func (d door) come(from string, n int) []*conn {
	var all []*conn
	for range n {
		given := &fakeConn{from: from}
		c := &conn{Conn: given, limiter: d.Limiter, peer: d.keyOf(peer(given))}
		c.lastByte.Store(d.now())
		d.arrive(c)
		all = append(all, c)
		time.Sleep(time.Millisecond)
	}
	return all
}

// idle has a connection begin to wait for its next request.
func (d door) idle(all ...*conn) {
	for _, c := range all {
		d.StateChanged(c, http.StateActive)
		d.StateChanged(c, http.StateIdle)
	}
}

// expect fails the test unless the connections are what states says: a(ctive),
// w(aiting), s(tream), x for closed.
func (d door) expect(all []*conn, states string) {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	var got strings.Builder
	for _, c := range all {
		closed := c.Conn.(*fakeConn).closed.Load()
		switch {
		case closed && c.state == gone:
			got.WriteByte('x')
		case closed || c.state == gone:
			got.WriteByte('?')
		default:
			got.WriteByte("was"[c.state])
		}
	}
	if got.String() != states {
		d.t.Errorf("the connections are %s, want %s", &got, states)
	}
}

// request is one on a connection.
func (d door) request(c *conn) *http.Request {
	ctx, _ := d.Context(context.Background(), c)
	return (&http.Request{}).WithContext(ctx)
}

// closedFor is how many connections were closed for a reason.
func (d door) closedFor(why reason) float64 {
	return testutil.ToFloat64(d.closes.WithLabelValues(string(why)))
}

func TestLimiter_AnOwnerHasAQuarterAndTheRestOfItsConnectionsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, Options{Limit: 32})
		ours := d.come("192.0.2.1", 10)
		d.expect(ours, "aaaaaaaaww")
		d.expect(d.come("192.0.2.2", 1), "a")
		d.StateChanged(ours[3], http.StateClosed)
		if ours[8].state != active || ours[9].state != waiting {
			t.Error("the first of those who wait did not get the place")
		}
	})
}

func TestLimiter_AnIdleConnectionIsClosedForAnotherOfItsOwnerAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, Options{Limit: 32})
		ours := d.come("192.0.2.1", 8)
		others := d.come("192.0.2.2", 1)
		d.idle(others[0], ours[5], ours[2])
		ours = append(ours, d.come("192.0.2.1", 3)...)
		d.expect(ours, "aaxaaxaaaaw")
		d.idle(ours[0]) // while another waits
		d.expect(ours, "xaxaaxaaaaa")
		d.expect(others, "a")
		if n := d.closedFor(reasonIdle); n != 3 {
			t.Errorf("%v were closed as idle", n)
		}
	})
}

func TestLimiter_AnIdleConnectionWhoseNextRequestComesIsNotIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, Options{Limit: 32})
		ours := d.come("192.0.2.1", 8)
		d.idle(ours...)
		time.Sleep(time.Millisecond)
		_, _ = ours[0].Read(make([]byte, 1)) // net/http has yet to say so
		ours = append(ours, d.come("192.0.2.1", 1)...)
		d.expect(ours, "axaaaaaaa")
	})
}

func TestLimiter_TheOwnerThatHasTheMostLosesItsOwnFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, Options{Limit: 48})
		small := d.come("192.0.2.9", 12)
		var large [][]*conn
		for n := range 3 {
			large = append(large, d.come(fmt.Sprintf("192.0.2.%d", n+1), 12))
		}
		d.idle(large[1][4])
		for _, c := range small[2:] {
			d.StateChanged(c, http.StateClosed)
		}
		large = append(large, d.come("192.0.2.4", 10)) // now all places are taken
		came := d.come("192.0.2.9", 1)
		d.expect(came, "a")
		if n := d.closedFor(reasonShare); n != 1 {
			t.Errorf("%v were closed for their owner's share", n)
		}
		for _, all := range large[:3] {
			for n, c := range all {
				if c.state == gone && (n != 0 && n != 4) {
					t.Errorf("connection %d, which is neither idle nor the stalest, was closed", n)
				}
			}
		}
		d.expect(small[:2], "aa")
		d.expect(large[3], "aaaaaaaaaa")
	})
}

func TestLimiter_WhereAllHaveFewTheNextWaitsForOneWithoutProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, Options{Limit: 4})
		var there []*conn
		for n := range 4 {
			there = append(there, d.come(fmt.Sprintf("192.0.2.%d", n), 1)...)
		}
		next := d.come("192.0.2.9", 2)
		for range 8 { // a byte every 100 ms
			time.Sleep(100 * time.Millisecond)
			_, _ = there[0].Read(make([]byte, 1))
			_, _ = there[2].Write(make([]byte, 1))
		}
		synctest.Wait()
		d.expect(next, "ww")
		time.Sleep(Grace - 800*time.Millisecond + sweepEvery)
		synctest.Wait()
		d.expect(there, "axax")
		d.expect(next, "aa")
		if n := d.closedFor(reasonStale); n != 2 {
			t.Errorf("%v were closed as stale", n)
		}
	})
}

func TestLimiter_ARequestThatIsServedHasMoreTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, Options{Limit: 4})
		there := d.come("192.0.2.1", 4)
		served := make(chan struct{})
		go d.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			time.Sleep(5 * time.Second)
			close(served)
		})).ServeHTTP(httptest.NewRecorder(), d.request(there[0]))
		next := d.come("192.0.2.1", 3)
		<-served
		synctest.Wait()
		d.expect(there, "axxx")
		d.expect(next, "aaa")
	})
}

func TestLimiter_TheNextComesInAsSoonAsOneLeaves(t *testing.T) {
	for _, to := range []http.ConnState{http.StateClosed, http.StateHijacked} {
		d := newDoor(t, Options{Limit: 2})
		there := d.come("192.0.2.1", 3)
		d.expect(there, "aaw")
		d.StateChanged(there[1], to)
		if there[2].state != active || there[0].state != active {
			t.Errorf("%v: the next is not in", to)
		}
	}
}

func TestLimiter_AStreamIsNotCountedUntilItsRequestHasEnded(t *testing.T) {
	d := newDoor(t, Options{Limit: 1})
	there := d.come("192.0.2.1", 2)
	r := d.request(there[0])
	d.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		d.BecomesStream(r)
		d.expect(there, "sa")
	})).ServeHTTP(httptest.NewRecorder(), r)
	d.expect(there, "aa") // it was refused, say, and net/http still has it
	d.StateChanged(there[0], http.StateClosed)
	d.StateChanged(there[1], http.StateHijacked)
	if d.active != 0 || len(d.owners) != 0 || d.byActive.Len() != 0 || d.byWaiting.Len() != 0 {
		t.Errorf("%d active, %d owners", d.active, len(d.owners))
	}
}

func TestLimiter_AProxysConnectionBelongsToItsClientWhileItServesIt(t *testing.T) {
	d := newDoor(t, Options{Limit: 40, Proxies: addr.Ranges{netip.MustParsePrefix("10.0.0.0/8")}})
	proxied := d.come("10.0.0.1", 40) // a proxy may have all places
	for _, c := range proxied[:30] {
		r := d.request(c)
		d.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			d.Owned(r, "192.0.2.1")
			if c.owner.key != (ownerKey{address: "192.0.2.1"}) {
				t.Errorf("it belongs to %v", c.owner.key)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
		if c.owner.key != (ownerKey{address: "10.0.0.1", proxy: true}) {
			t.Errorf("after the request it belongs to %v", c.owner.key)
		}
	}
	for _, c := range proxied[:30] { // and now all at once
		c.serving.Store(true)
		d.Owned(d.request(c), "192.0.2.1")
	}
	d.expect(d.come("10.0.0.1", 1), "a") // another client's, by the look of it
	if n := d.closedFor(reasonShare); n != 1 || proxied[0].state != gone {
		t.Errorf("%v of the client with the most were closed", n)
	}
}

func TestLimiter_OnlyAProxyMaySayWhoseAConnectionIs(t *testing.T) {
	d := newDoor(t, Options{Limit: 4})
	c := d.come("192.0.2.1", 1)[0]
	d.Owned(d.request(c), "192.0.2.77")
	if c.owner.key.address != "192.0.2.1" {
		t.Errorf("it belongs to %v", c.owner.key)
	}
	d.Owned(&http.Request{}, "192.0.2.77") // a test's request has no connection
}

func TestLimiter_WhileOthersWaitAnAnswerIsTheLastOfItsConnection(t *testing.T) {
	d := newDoor(t, Options{Limit: 24})
	there := d.come("192.0.2.1", 6)
	for _, want := range []string{"", "close"} {
		w := httptest.NewRecorder()
		d.Handler(http.NotFoundHandler()).ServeHTTP(w, d.request(there[0]))
		if got := w.Header().Get("Connection"); got != want {
			t.Errorf("Connection: %q, want %q", got, want)
		}
		d.come("192.0.2.1", 1)
	}
}

func TestLimiter_ThoseWhoWaitAreOfBoundedNumber(t *testing.T) {
	var files atomic.Int64
	files.Store(4 + 8)
	d := newDoor(t, Options{Limit: 4, Files: func() int { return int(files.Load()) }})
	attacker := d.come("192.0.2.1", 4+7)
	d.expect(attacker, "aaaaxwwwwww") // six of eight
	one := d.come("192.0.2.2", 3)
	d.expect(attacker, "aaaaxxwwwww")
	d.expect(one, "www")
	files.Store(4) // streams took the rest
	d.sweep()
	d.expect(one, "xxx")
	d.expect(attacker, "aaaaxxxxxxx")
}

func TestLimiter_NobodyWaitsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, Options{Limit: 1})
		there := d.come("192.0.2.1", 2)
		for d.now() < int64(maxWait-time.Second) {
			time.Sleep(500 * time.Millisecond)
			_, _ = there[0].Read(make([]byte, 1))
		}
		synctest.Wait()
		d.expect(there, "aw")
		for d.now() < int64(maxWait+time.Second) {
			time.Sleep(500 * time.Millisecond)
			_, _ = there[0].Read(make([]byte, 1))
		}
		synctest.Wait()
		d.expect(there, "ax")
	})
}

func TestLimiter_OwnersAreAddressesAndNetworks(t *testing.T) {
	d := newDoor(t, Options{Proxies: addr.Ranges{netip.MustParsePrefix("2001:db8:9::1/128")}})
	for from, want := range map[string]ownerKey{
		"192.0.2.1":                {address: "192.0.2.1"},
		"::ffff:192.0.2.1":         {address: "192.0.2.1"},
		"2001:db8:1:2:3:4:5:6":     {address: "2001:db8:1:2::/64"},
		"2001:db8:1:2:ffff::1%eth": {address: "2001:db8:1:2::/64"},
		"fe80::1%eth0":             {address: "fe80::/64"},
		"2001:db8:9::1":            {address: "2001:db8:9::1", proxy: true},
		"2001:db8:9::2":            {address: "2001:db8:9::/64"},
	} {
		if got := d.keyOf(peer(&fakeConn{from: from})); got != want {
			t.Errorf("%s belongs to %v, want %v", from, got, want)
		}
	}
	here, _ := net.Pipe() // which has no address
	if got := d.keyOf(peer(here)); got.address != addr.Unknown {
		t.Errorf("no address belongs to %v", got)
	}
}

func TestLimiter_ShowsWhoIsActiveAndWhoWaits(t *testing.T) {
	registry := prometheus.NewRegistry()
	d := newDoor(t, Options{Limit: 24, Registerer: registry})
	d.come("192.0.2.1", 8)
	const want = `
# HELP causette_connections Connections that are no streams, now, by state.
# TYPE causette_connections gauge
causette_connections{state="active"} 6
causette_connections{state="waiting"} 2
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "causette_connections"); err != nil {
		t.Error(err)
	}
}
