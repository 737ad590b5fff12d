package store

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

// FuzzSession_TakesAnyPayload has anything announced on any channel while a room
// is live: what its reader gets is what was said, without hole, double or event
// of no kind; or the log is asked.
func FuzzSession_TakesAnyPayload(f *testing.F) {
	const channel = "chat:{lobby}"
	f.Add(channel, "1000-6\n{\"text\":\"salut\"}")
	f.Add(channel, "1000-6\n{}\n1000-7\n{}\n1000-7\n{}\n1000-8")
	f.Add(channel, "1000-5\n{}\n2000-0\n{}\n2000-1\n{}\n")
	f.Add(channel, "1000-9\n{}")
	f.Add(channel, "\ntyping\n{\"who\":{\"id\":\"p_1\"}}")
	f.Add(channel, "\nmessage\n{}")
	f.Add(channel, "\n\n{}")
	f.Add(channel, "\npresence\n{\"participants\":\"2\"}")
	f.Add(channel, "1000-06\n\n\n")
	f.Add("chat:{}", "1000-6\n{}")
	f.Add("chat:control", `{"session":"p_1","nickname":"ana","was":7}`)
	s := New(Shared(redis.NewClient(&redis.Options{})), Options{Instance: "a", Log: slog.New(slog.DiscardHandler)})
	f.Cleanup(func() { _ = s.client.Close() })
	f.Fuzz(func(t *testing.T, channel, payload string) {
		sink, last := newRecorder(), chat.EventID{Epoch: 1000, Seq: 5}
		r := newFeedRoom(lobby, 0, 0, sink)
		r.begin()
		if r.wanted(); !r.loaded(nil, last) {
			t.Fatal("the room is not live")
		}
		s.feed = newFeed(s)
		s.feed.rooms[lobby] = r
		s.feed.dispatch(&redis.Message{Channel: channel, Payload: payload})
		rest := payload
		for _, e := range sink.all() {
			said := "\n" + string(e.Kind) + "\n" + string(e.Data)
			if e.Durable() {
				said = e.ID.String() + "\n" + string(e.Data)
				if !last.Precedes(e.ID) && (e.ID.Seq != 0 || e.ID.Epoch == last.Epoch) {
					t.Fatalf("%q: %s follows %s", payload, e.ID, last)
				}
				last = e.ID
			}
			var found bool
			if _, rest, found = strings.Cut(rest, said); !found || channel != "chat:{lobby}" || e.Kind == "" {
				t.Fatalf("%q on %q became %q", payload, channel, e)
			}
		}
		if at := r.position(); at != last {
			t.Fatalf("%q: it is at %s, its reader at %s", payload, at, last)
		}
	})
}
