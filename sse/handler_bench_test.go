package sse

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"causette/chat"
)

// sink is a client that takes everything at once and tells of each write.
type sink struct {
	header http.Header
	wrote  func(n int)
}

func (s *sink) Header() http.Header              { return s.header }
func (s *sink) WriteHeader(int)                  {}
func (s *sink) FlushError() error                { return nil }
func (s *sink) SetWriteDeadline(time.Time) error { return nil }
func (s *sink) Write(p []byte) (int, error)      { s.wrote(len(p)); return len(p), nil }

// BenchmarkServe_FanOut is a message from the feed until the last of n readers
// has been written to: goroutines woken, positions moved, no sockets.
func BenchmarkServe_FanOut(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			log := newFakeLog()
			hub := NewHub(Options{Log: quiet, Heartbeat: 10_000 * time.Hour}, log, new(fakePresence))
			ctx, hangUp := context.WithCancel(b.Context())
			var streams, wrote sync.WaitGroup
			wrote.Add(n)
			for range n {
				r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody)
				streams.Go(func() {
					hub.Serve(&sink{make(http.Header), func(int) { wrote.Done() }}, r, Subscription{Room: chat.Lobby, Person: chat.Person{ID: "p_1"}})
				})
			}
			wrote.Wait() // the hellos
			hub.mu.Lock()
			room := hub.rooms[chat.Lobby].room
			hub.mu.Unlock()
			e := message(0, 120)
			b.ReportAllocs()
			for b.Loop() {
				wrote.Add(n)
				room.Receive(e)
				wrote.Wait()
				e.ID.Seq++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/delivery")
			hangUp()
			streams.Wait()
			hub.Close()
		})
	}
}

// BenchmarkServe_Connect is a reader that gets its hello and 50 messages, and
// hangs up.
func BenchmarkServe_Connect(b *testing.B) {
	log := newFakeLog()
	hub := NewHub(Options{Log: quiet}, log, benchPresence{})
	defer hub.Close()
	log.say(chat.Lobby, 100)
	keep := hub.enter(chat.Lobby) // the room stays open
	<-keep.ready
	b.ReportAllocs()
	for b.Loop() {
		ctx, hangUp := context.WithCancel(b.Context())
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody)
		hub.Serve(&sink{make(http.Header), func(int) { hangUp() }}, r, Subscription{Room: chat.Lobby, Person: chat.Person{ID: "p_1"}, History: 50})
		hangUp()
	}
	hub.leave(keep)
}

type benchPresence struct{}

func (benchPresence) Join(chat.RoomID, chat.Person, string)      {}
func (benchPresence) Leave(chat.RoomID, string)                  {}
func (benchPresence) Participants(chat.RoomID) (p chat.Presence) { return p }
