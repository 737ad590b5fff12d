package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// sockets are the open connections of many readers, so that they can be cut off.
type sockets struct {
	mu   sync.Mutex
	open map[*socket]struct{} // guarded by mu
}

type socket struct {
	net.Conn
	of *sockets
}

func newSockets() *sockets { return &sockets{open: map[*socket]struct{}{}} }

// client makes HTTP requests, each on a connection of its own.
func (s *sockets) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: s.dial, ReadBufferSize: 2 << 10, WriteBufferSize: 1 << 10}}
}

func (s *sockets) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	opened := &socket{conn, s}
	s.mu.Lock()
	s.open[opened] = struct{}{}
	s.mu.Unlock()
	return opened, nil
}

func (s *socket) Close() error {
	s.of.mu.Lock()
	delete(s.of.open, s)
	s.of.mu.Unlock()
	return s.Conn.Close()
}

// cut resets a share of the connections, picked at random; 1 is all.
func (s *sockets) cut(share float64, random *rand.Rand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for opened := range s.open {
		if share == 1 || random.Float64() < share {
			reset(opened.Conn)
		}
	}
}

// addCrowd makes n readers without ways of their own, in so many rooms. home gives
// each the instances that it tries, in that order, at every connection: what a
// balancer before the instances does. beat is the instances' HEARTBEAT.
func (w *world) addCrowd(n, rooms int, beat time.Duration, home func(i int) []string) *sockets {
	all := newSockets()
	client := all.client()
	for i := range n {
		bases := home(i)
		w.readers = append(w.readers, &reader{
			name: fmt.Sprintf("reader %d", i), view: newView(roomName(i%rooms), w.ledger), base: bases[0], loads: bases[len(bases)-1],
			source: func(ctx context.Context, r *reader) error {
				var urls []string
				for _, base := range bases {
					urls = append(urls, r.eventsURLAt(base))
				}
				return r.read(ctx, eventSource{urls: urls, client: client, watch: 2*beat + time.Second})
			},
		})
	}
	return all
}

// roomName is a crowd's n-th room; the first is that of all rows.
func roomName(n int) string {
	if n == 0 {
		return room
	}
	return fmt.Sprintf("%s-%d", room, n)
}
