package main

import (
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// fakeConn knows whether it was closed.
type fakeConn struct {
	net.Conn
	closed bool
}

func (c *fakeConn) Close() error { c.closed = true; return nil }

// full is a bound of n connections that are there, and those.
func full(n int) (*connections, []*fakeConn) {
	c := newConnections(n)
	var there []*fakeConn
	for range n {
		conn := &fakeConn{}
		c.note(conn, http.StateNew)
		there = append(there, conn)
		time.Sleep(time.Millisecond)
	}
	return c, there
}

func TestConnections_OneTooManyClosesTheOneThatWaitedLongest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, there := full(3)
		time.Sleep(grace)
		c.note(there[0], http.StateActive) // a request came at last
		c.makeRoom(nil)
		if there[0].closed || !there[1].closed || there[2].closed {
			t.Errorf("closed: %v %v %v", there[0].closed, there[1].closed, there[2].closed)
		}
	})
}

func TestConnections_OneThatGetsOnIsLeftAGraceAndTheNextWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, there := full(2)
		begin := time.Now()
		c.makeRoom(nil)
		if waited := time.Since(begin); !there[0].closed || waited != grace-2*time.Millisecond {
			t.Errorf("closed: %v, after %v", there[0].closed, waited)
		}
	})
}

func TestConnections_TheNextComesInAsSoonAsOneLeaves(t *testing.T) {
	for _, state := range []http.ConnState{http.StateClosed, http.StateHijacked} {
		synctest.Test(t, func(t *testing.T) {
			c, there := full(2)
			begin := time.Now()
			go func() { time.Sleep(time.Millisecond); c.note(there[1], state) }()
			c.makeRoom(nil)
			if waited := time.Since(begin); there[0].closed || waited != time.Millisecond {
				t.Errorf("closed: %v, after %v", there[0].closed, waited)
			}
		})
	}
}

func TestConnections_AStreamIsNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, there := full(1)
		r := (&http.Request{}).WithContext(c.context(t.Context(), there[0]))
		c.becomesStream(r)
		c.makeRoom(nil)
		c.note(there[0], http.StateClosed)
		if there[0].closed || len(c.places) != 0 || c.waiting.Len() != 0 {
			t.Errorf("closed: %v, known: %d", there[0].closed, len(c.places))
		}
	})
}

func TestConnections_WaitingEndsWithTheListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, there := full(1)
		inner, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l := c.listener(inner)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if _, err := l.Accept(); err == nil || there[0].closed {
			t.Errorf("accepted with %v; closed: %v", err, there[0].closed)
		}
		_ = l.Close() // net/http does so too
	})
}
