package sse

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"causette/chat"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// serveHTTP is the hub behind a real server on a real socket. The query gives
// the position.
func serveHTTP(t *testing.T, w *world, setUp func(*httptest.Server)) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.Serve(rw, r, Subscription{
			Room: chat.Lobby, Person: chat.Person{ID: "p_1"}, LastEventID: r.URL.Query().Get("after"), History: 50,
			Address: r.URL.Query().Get("from"),
		})
	}))
	srv.Config.ConnContext = ConnContext
	if setUp != nil {
		setUp(srv)
	}
	if srv.TLS == nil {
		srv.Start()
	}
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return srv
}

// ask opens a stream over a real socket, for at most twenty seconds.
func ask(t *testing.T, srv *httptest.Server, path string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// readUntil reads lines until one contains what.
func readUntil(t *testing.T, r *bufio.Reader, what string) string {
	t.Helper()
	var all strings.Builder
	for {
		line, err := r.ReadString('\n')
		all.WriteString(line)
		if strings.Contains(line, what) {
			return all.String()
		}
		if err != nil {
			t.Fatalf("%v before %q: %q", err, what, all.String())
		}
	}
}

func TestServe_OverHTTP2HasNoConnectionHeader(t *testing.T) {
	w := newWorld(t, Options{})
	w.log.say(chat.Lobby, 1)
	srv := serveHTTP(t, w, func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() })
	res := ask(t, srv, "/?after=0-0")
	if res.ProtoMajor != 2 || res.StatusCode != http.StatusOK || res.Header.Get("Connection") != "" {
		t.Errorf("%s %s with %v", res.Proto, res.Status, res.Header)
	}
	r := bufio.NewReader(res.Body)
	readUntil(t, r, "message 0")
	w.log.say(chat.Lobby, 1)
	readUntil(t, r, "message 1")
}

// until waits for a condition on real time, with a limit that only a fault reaches.
func until(t *testing.T, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it never came to be")
		}
	}
}

// ginLike wraps a writer as gin does: it has Flush, which hides errors, and
// writes the header again at the end of a request that wrote nothing through it.
type ginLike struct {
	http.ResponseWriter
	wrote int
}

func (g *ginLike) Unwrap() http.ResponseWriter { return g.ResponseWriter }
func (g *ginLike) Flush()                      {}
func (g *ginLike) Write(p []byte) (int, error) {
	g.wrote++
	return g.ResponseWriter.Write(p)
}

func TestServe_ReachesThroughAWriterThatHidesErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		c := &client{t: t, done: make(chan struct{}), header: make(http.Header)}
		wrapper := &ginLike{ResponseWriter: c}
		go func() {
			defer close(c.done)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
			w.Serve(wrapper, r, Subscription{Room: chat.Lobby, Person: chat.Person{ID: "p_1"}})
		}()
		said := w.log.say(chat.Lobby, 1)
		synctest.Wait()
		said = append(said, w.log.say(chat.Lobby, 1)...)
		got := c.messages() // checks that all was flushed
		if got[len(got)-1] != said[1] || wrapper.wrote != 1 {
			t.Errorf("got %q; %d writes through the wrapper", got, wrapper.wrote)
		}
		c.stall()
		w.log.say(chat.Lobby, 1)
		time.Sleep(31 * time.Second)
		if !c.ended() {
			t.Error("an error was not seen")
		}
	})
}

func TestSlow_AWriteThatMissesItsDeadlineEndsTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		c := w.connect(t, Subscription{})
		c.stall()
		w.log.say(chat.Lobby, 1)
		time.Sleep(29 * time.Second)
		if c.ended() {
			t.Error("ended before its time")
		}
		time.Sleep(time.Second)
		if !c.ended() {
			t.Error("goes on")
		}
		if got := testutil.ToFloat64(w.o.Metrics.closes.WithLabelValues("slow")); got != 1 {
			t.Errorf("%v counted as slow", got)
		}
		if got := w.who.heard(); got != "+p_1 -p_1" {
			t.Errorf("presence heard %q", got)
		}
	})
}

func TestSlow_AReaderThatFellOffTheTailIsToldAndResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{TailSize: 4 << 10})
		slowly, quickly := w.connect(t, Subscription{}), w.connect(t, Subscription{})
		slowly.news()
		quickly.news()
		resume := slowly.stall()
		said := w.log.say(chat.Lobby, 1)
		synctest.Wait()
		for range 200 {
			said = append(said, w.log.say(chat.Lobby, 1)...)
			synctest.Wait()
		}
		expect(t, "the others", quickly.news(), said)
		if got := held(w.rooms[chat.Lobby].room.tail); got > 4<<10+2<<10 {
			t.Errorf("the tail holds %d bytes", got)
		}
		resume()
		expect(t, "the slow one", slowly.news(), []string{said[0], `bye {"reason":"slow"}`})
		if !slowly.ended() {
			t.Error("goes on")
		}
		again := w.connect(t, Subscription{LastEventID: said[0]})
		expect(t, "on its return", again.messages(), said[1:])
	})
}

func TestSlow_AnAppendWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		for range 50 {
			w.connect(t, Subscription{}).stall()
		}
		c := w.connect(t, Subscription{})
		c.news()
		begin := time.Now()
		said := w.log.say(chat.Lobby, 100)
		expect(t, "the one who reads", c.news(), said)
		if d := time.Since(begin); d != 0 {
			t.Errorf("took %v", d)
		}
	})
}

func TestSlow_OverHTTP2AReaderThatStopsIsClosedAsSlow(t *testing.T) {
	w := newWorld(t, Options{TailSize: 64 << 20, WriteTimeout: 300 * time.Millisecond})
	srv := serveHTTP(t, w, func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() })
	ask(t, srv, "/") // and never reads its body
	// More than its window, and less than the tail: only the deadline can end it.
	w.log.sayMore(chat.Lobby, 1500, strings.Repeat("a", 8<<10))
	until(t, func() bool { return testutil.ToFloat64(w.o.Metrics.closes.WithLabelValues("slow")) == 1 })
}

// openRoom is the lobby as the hub has it.
func (w *world) openRoom() *room {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rooms[chat.Lobby].room
}

func TestMetrics_PostToWriteIsMeasuredFromTheMessagesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		w.log.say(chat.Lobby, 3) // history is not measured
		w.connect(t, Subscription{History: 3})
		w.log.hold(chat.Lobby)
		w.log.say(chat.Lobby, 2)
		time.Sleep(2 * time.Second)
		w.log.release(chat.Lobby)
		synctest.Wait()
		if n, sum := observed(t, w.o.Metrics.delay); n == 0 || n > 2 || sum < 2*float64(n)-0.01 || sum > 2*float64(n)+0.01 {
			t.Errorf("%d observations, %v s", n, sum)
		}
	})
}
