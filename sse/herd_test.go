package sse

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"causette/chat"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestHub_HundredsComeAndGoUnderAppends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{TailSize: 8 << 10})
		w.log.say(chat.Lobby, 300)
		stop := make(chan struct{})
		var writer, readers sync.WaitGroup
		writer.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
					w.log.say(chat.Lobby, 3)
					w.log.live(chat.Lobby, chat.KindTyping, "{}")
				}
			}
		})
		for i := range 300 {
			readers.Go(func() {
				last := "0-0"
				for range 3 {
					c := w.dial(t, Subscription{LastEventID: last, Person: chat.Person{ID: fmt.Sprint("p_", i)}})
					time.Sleep(rand.N(50 * time.Millisecond))
					c.hangUp()
					events, id, _ := readSSE(string(c.got))
					if id != "" {
						last = contiguous(t, last, events)
					}
				}
			})
		}
		readers.Wait()
		close(stop)
		writer.Wait()
		if got := strings.Count(w.who.heard(), "+"); got > 900 || got != strings.Count(w.who.heard(), "-") {
			t.Errorf("%d joins, %d leaves", got, strings.Count(w.who.heard(), "-"))
		}
		if w.streams != 0 {
			t.Errorf("%d streams left", w.streams)
		}
	})
}

// Readers come, are cut anywhere, and come back, while the room grows: each one
// gets every message once and in order.
func TestWriters_HundredsComeAndGoUnderAppends(t *testing.T) {
	eachWriter(t, func(t *testing.T, o Options) {
		o.TailSize = 16 << 10
		w := newWorld(t, o)
		srv := serveHTTP(t, w, nil)
		w.log.say(chat.Lobby, 300)
		stop := make(chan struct{})
		var writer, readers sync.WaitGroup
		writer.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
					w.log.say(chat.Lobby, 3)
					w.log.live(chat.Lobby, chat.KindTyping, "{}")
				}
			}
		})
		for range 100 {
			readers.Go(func() {
				last := "0-0"
				for range 4 {
					conn, r := dialRaw(t, srv, "?after="+last)
					_ = conn.SetReadDeadline(time.Now().Add(rand.N(60 * time.Millisecond)))
					raw, _ := io.ReadAll(r) // cut by the deadline, anywhere
					_ = conn.Close()
					events, id, _ := readSSE(after(string(raw), "\r\n\r\n"))
					if id != "" {
						last = contiguous(t, last, events)
					}
				}
			})
		}
		readers.Wait()
		close(stop)
		writer.Wait()
		until(t, func() bool { return strings.Count(w.who.heard(), "+") == strings.Count(w.who.heard(), "-") })
		until(t, func() bool { return testutil.ToFloat64(w.o.Metrics.streams) == 0 })
	})
}

// A herd that is far behind in a room of long messages, all from one address: each
// gets all that it lacks, and the log is read for all of them together.
func TestWriters_AHerdFarBehindHasItAll(t *testing.T) {
	eachWriter(t, func(t *testing.T, o Options) {
		const readers, said = 200, 400
		o.TailSize = 64 << 10
		w := newWorld(t, o)
		srv := serveHTTP(t, w, nil)
		w.log.sayMore(chat.Lobby, said, strings.Repeat("é", 3000))
		var herd sync.WaitGroup
		for n := range readers {
			herd.Go(func() {
				last := fmt.Sprintf("1000-%d", n)
				_, r := dialRaw(t, srv, "?from=203.0.113.7&after="+last)
				raw := readUntil(t, r, fmt.Sprintf(`"message %d`, said-1)) + "\n\n"
				events, _, _ := readSSE(after(raw, "\r\n\r\n"))
				if got := contiguous(t, last, events); got != fmt.Sprintf("1000-%d", said-1) {
					t.Errorf("one from %s got as far as %s", last, got)
				}
			})
		}
		herd.Wait()
		if asked := w.log.count(&w.log.afters); asked > said {
			t.Errorf("the log was read %d times", asked)
		}
	})
}

// contiguous checks that the messages among events follow on last without hole
// or double, and returns the last of them.
func contiguous(t *testing.T, last string, events []sseEvent) string {
	id, err := chat.ParseEventID(last)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Type != "message" {
			continue
		}
		next, err := chat.ParseEventID(e.ID)
		if err != nil || !id.Precedes(next) {
			t.Errorf("%s follows %s", e.ID, id)
		}
		id = next
	}
	return id.String()
}
