package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The honest people of a siege.
const (
	siegeReaders = 200
	siegePosters = 20
	posterEvery  = 500 * time.Millisecond // well within MESSAGE_RATE
	siegeBeat    = 15 * time.Second       // HEARTBEAT, as it is unless set
)

// addresses gives out addresses of 127.0.0.0/8, each once: network is their second byte.
type addresses struct {
	network byte
	mu      sync.Mutex
	given   int // guarded by mu
}

func (a *addresses) next() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.given++
	return fmt.Sprintf("127.%d.%d.%d", a.network, a.given/250, 1+a.given%250)
}

// dialerFrom connects from one address of the loopback. The port is chosen when the
// other end is known, so that there are enough of them.
func dialerFrom(address string) *net.Dialer {
	return &net.Dialer{
		LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)},
		Control: func(_, _ string, c syscall.RawConn) (err error) {
			if errControl := c.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
			}); errControl != nil {
				return errControl
			}
			return err
		},
	}
}

// clientFrom makes HTTP requests from one address, each on a connection of its own if fresh.
func clientFrom(address string, fresh bool) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: dialerFrom(address).DialContext, DisableKeepAlives: fresh,
		ReadBufferSize: 2 << 10, WriteBufferSize: 1 << 10,
	}}
}

// addHonestReaders makes readers of the room, each of an address of its own.
func (s *siege) addHonestReaders(n int) {
	from := addresses{network: 2}
	for i := range n {
		base := s.instances[i%len(s.instances)].base
		client := clientFrom(from.next(), true)
		s.readers = append(s.readers, &reader{
			name: fmt.Sprintf("reader %d", i), view: newView(room, s.ledger), base: base, loads: base,
			source: func(ctx context.Context, r *reader) error {
				return r.read(ctx, eventSource{urls: []string{r.eventsURL()}, client: client, watch: 2*siegeBeat + time.Second})
			},
		})
	}
}

// startPosting has n people post, each of an address and under a nickname of its own. Every
// second one comes by a connection of its own each time, as one does who posts seldom.
func (s *siege) startPosting(ctx context.Context, n int) error {
	from := addresses{network: 3}
	bases := s.bases()
	var list []*writer
	for i := range n {
		client := clientFrom(from.next(), i%2 == 1)
		s.honest.clients = append(s.honest.clients, client)
		me := &writer{
			number: i, room: room, ledger: s.ledger, bases: bases, turn: i, client: client,
			every: posterEvery, first: posterEvery * time.Duration(i) / time.Duration(n),
			nickname: posterName(i), padding: func() string { return "" }, accepted: s.honest.accept,
		}
		if err := me.enter(ctx); me.token == "" {
			return err
		}
		client.Transport = &refusalCounter{client.Transport, s.honest}
		list = append(list, me)
	}
	s.writers = startWriters(ctx, list)
	return nil
}

// posterName is the nickname that the i-th poster holds.
func posterName(i int) string { return fmt.Sprintf("poster%d", i) }

// honest is how the posters and those who come newly fared.
type honest struct {
	clients []*http.Client // owned by the siege's goroutine

	coming sync.WaitGroup
	stop   func() // ends the coming

	mu         sync.Mutex
	posts      []timedPost    // guarded by mu
	refused    map[string]int // guarded by mu; posts, by the reason
	turnedAway map[string]int // guarded by mu; newcomers, by the reason
	came       int            // guarded by mu
}

// timedPost is when a post was due, and how long it took from then until it was accepted.
type timedPost struct {
	due  time.Time
	took time.Duration
}

func newHonest() *honest {
	return &honest{stop: func() {}, refused: map[string]int{}, turnedAway: map[string]int{}}
}

func (h *honest) accept(due time.Time, took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.posts = append(h.posts, timedPost{due, took})
}

// between is how long the posts took that were due in a part of the siege.
func (h *honest) between(p siegePart) (took []time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, post := range h.posts {
		if p.has(post.due) {
			took = append(took, post.took)
		}
	}
	return took
}

func (h *honest) refusals() (posts map[string]int, came int, turnedAway map[string]int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.refused), h.came, maps.Clone(h.turnedAway)
}

// close ends what is left of their connections.
func (h *honest) close() {
	h.stop()
	h.coming.Wait()
	for _, client := range h.clients {
		client.CloseIdleConnections()
	}
}

// refusalCounter counts the requests that were not answered 200 or 201.
type refusalCounter struct {
	next http.RoundTripper
	of   *honest
}

func (c *refusalCounter) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := c.next.RoundTrip(request)
	why := ""
	switch {
	case err != nil:
		why = "no answer"
	case response.StatusCode != http.StatusOK && response.StatusCode != http.StatusCreated:
		why = fmt.Sprint(response.StatusCode)
	}
	if why != "" {
		c.of.mu.Lock()
		defer c.of.mu.Unlock()
		c.of.refused[why]++
	}
	return response, err
}

// CloseIdleConnections is for [http.Client.CloseIdleConnections].
func (c *refusalCounter) CloseIdleConnections() {
	if t, ok := c.next.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}
