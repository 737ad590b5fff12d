package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// chat is a server to hold the generator to. It spoils messages on demand.
type chat struct {
	mu      sync.Mutex
	readers map[chan string]string // by room; guarded by mu
	lose    string                 // a text that contains it is not delivered; static
	twice   string                 // one that contains it is delivered twice; static
	plain   bool                   // not chunked; static
}

func (s *chat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/full":
		http.Error(w, "full", http.StatusServiceUnavailable)
	case r.Method == http.MethodPost:
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		s.tell(r.FormValue("room"), string(text))
		w.WriteHeader(http.StatusCreated)
	default:
		s.stream(w, r)
	}
}

func (s *chat) tell(room, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c, its := range s.readers {
		if its != room || s.lose != "" && strings.Contains(text, s.lose) {
			continue
		}
		c <- "data: " + text + "\n\n"
		if s.twice != "" && strings.Contains(text, s.twice) {
			c <- "data: " + text + "\n\n"
		}
	}
}

func (s *chat) stream(w http.ResponseWriter, r *http.Request) {
	c := make(chan string, 1000)
	s.mu.Lock()
	s.readers[c] = r.FormValue("room")
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.readers, c)
	}()
	if s.plain {
		w.Header().Set("Transfer-Encoding", "identity")
	}
	control := http.NewResponseController(w)
	for text := "event: hello\ndata: " + r.Header.Get("Authorization") + "\n\n"; ; {
		if _, err := io.WriteString(w, text); err != nil || control.Flush() != nil {
			return
		}
		select {
		case text = <-c:
		case <-r.Context().Done():
			return
		}
	}
}

// generate runs commands in a generator, in this process, and returns its replies.
func generate(t *testing.T, s *chat, commands func(address string) []command) []reply {
	t.Helper()
	s.readers = map[chan string]string{}
	server := httptest.NewServer(s)
	defer server.Close()
	var in bytes.Buffer
	for _, c := range commands(server.Listener.Addr().String()) {
		if err := json.NewEncoder(&in).Encode(c); err != nil {
			t.Fatal(err)
		}
		if c.Run != nil || c.Post != nil {
			in.WriteString("true\n") // leave to begin
		}
	}
	var out bytes.Buffer
	p, err := newProcess()
	if err != nil {
		t.Fatal(err)
	}
	defer p.end()
	if err := p.serve(&in, &out); err != nil {
		t.Fatal(err)
	}
	var replies []reply
	for d := json.NewDecoder(&out); d.More(); {
		var r reply
		if err := d.Decode(&r); err != nil {
			t.Fatal(err)
		}
		if r.Error != "" {
			t.Fatal(r.Error)
		}
		if !r.Begin {
			replies = append(replies, r)
		}
	}
	return replies
}

func listeners(address string, rooms, each int) *Connect {
	return &Connect{
		Address: address, Source: "127.0.0.2", Rooms: rooms, Each: each, AtOnce: 8, Limit: 20,
		Reader: Reader{Request: Get("/events?room=" + RoomSlot), Steps: []Step{{Await: []byte("event: hello\n")}}},
	}
}

func messages(address string, rooms, count int) *Run {
	return &Run{Quiet: 1, Limit: 20, Warm: 0.1, Streams: []Stream{{
		Address: address, Request: Post("/?room="+RoomSlot, "text/plain", MarkerSlot), Rooms: rooms, PerSecond: 500, Messages: count,
	}}}
}

func TestServe_CountsEveryDelivery(t *testing.T) {
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("plain=%t", plain), func(t *testing.T) {
			replies := generate(t, &chat{plain: plain}, func(address string) []command {
				return []command{{Connect: listeners(address, 3, 4)}, {Run: messages(address, 3, 30)}, {Rest: &Rest{Seconds: 0.2}}}
			})
			if c := replies[0].Connected; c.Readers != 12 || c.Failed != 0 {
				t.Fatalf("connected %+v", c)
			}
			o := replies[1].Ran.Outcomes[0]
			if o.Sent != 30 || o.Expected != 120 || o.Received != 120 || o.Doubled+o.Disordered+o.Torn+o.Refused != 0 || o.Delay.Total() != 120 {
				t.Fatalf("outcome %+v", o)
			}
			if o.Last <= o.First || replies[1].Ran.Why != "" || len(replies[2].Rested.Arrivals) != 2 {
				t.Fatalf("ran %+v, rested %+v", replies[1].Ran, replies[2].Rested)
			}
		})
	}
}

func TestServe_TellsLossAndDoublesApart(t *testing.T) {
	// The fifth message of the run is lost and the seventh comes twice; 50 before it warm up.
	replies := generate(t, &chat{lose: "~m000000054.", twice: "~m000000056."}, func(address string) []command {
		return []command{{Connect: listeners(address, 1, 5)}, {Run: messages(address, 1, 10)}}
	})
	o := replies[1].Ran.Outcomes[0]
	if o.Expected != 50 || o.Received != 45 || o.Doubled != 5 || o.Disordered != 0 || replies[1].Ran.Why == "" {
		t.Fatalf("outcome %+v, why %q", o, replies[1].Ran.Why)
	}
}

func TestServe_TellsWhyNobodyIsLetIn(t *testing.T) {
	replies := generate(t, &chat{}, func(address string) []command {
		full, closed := listeners(address, 1, 3), listeners("127.0.0.1:1", 1, 2)
		full.Reader.Request = Get("/full")
		return []command{{Connect: full}, {Connect: closed}}
	})
	if c := replies[0].Connected; c.Failed != 3 || !strings.Contains(c.Why, "503") {
		t.Errorf("a full server: %+v", c)
	}
	if c := replies[1].Connected; c.Failed != 2 || !strings.Contains(c.Why, "refused") {
		t.Errorf("no server: %+v", c)
	}
}

func TestServe_PostsAsFastAsItIsAnswered(t *testing.T) {
	replies := generate(t, &chat{}, func(address string) []command {
		request := Post("/?room=r000000", "text/plain", MarkerSlot+NonceSlot)
		return []command{{Post: &Posts{Address: address, Requests: [][]byte{request, request, request}, Warm: 0.05, Seconds: 0.2}}}
	})
	p := replies[0].Posted
	if p.Answered < 3 || p.Refused != 0 || int(p.Delay.Total()) != p.Answered || p.Why != "" {
		t.Fatalf("posted %+v", p)
	}
}

func TestServe_SpeaksForEachReader(t *testing.T) {
	replies := generate(t, &chat{}, func(address string) []command {
		first, second := listeners(address, 1, 1), listeners(address, 1, 1)
		first.Lines, second.Lines = []string{"Authorization: ana"}, []string{"Authorization: bob"}
		first.Reader.Steps = []Step{{Await: []byte("data: ana")}}
		second.Reader.Steps = []Step{{Await: []byte("data: ana")}}
		second.Limit = 0.3
		return []command{{Connect: first}, {Connect: second}}
	})
	if replies[0].Connected.Readers != 1 || replies[1].Connected.Readers != 0 {
		t.Fatalf("%+v, %+v", replies[0].Connected, replies[1].Connected)
	}
}

func TestServe_EndsWithItsInput(t *testing.T) {
	in, out := net.Pipe()
	done := make(chan error)
	p, err := newProcess()
	if err != nil {
		t.Fatal(err)
	}
	defer p.end()
	go func() { done <- p.serve(in, io.Discard) }()
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
