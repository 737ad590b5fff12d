//go:build linux

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// memoryLimit is what an instance of these tests may use, as it is told.
	memoryLimit = 256 << 20
	// longText is the letters of a text that is about as long as one may be: 7.6 KB.
	longText = 1900
)

// memoryTest is an instance of bounded memory with a room of long messages.
type memoryTest struct {
	*instance
	t     *testing.T
	redis *redisServer
	ana   visitor
}

func newMemoryTest(t *testing.T, settings ...setting) *memoryTest {
	t.Helper()
	redis := startRedis(t)
	m := &memoryTest{t: t, redis: redis}
	m.instance = startPlainInstance(t, append([]setting{
		redis.url(), "LOG_LEVEL=warn", fmt.Sprintf("GOMEMLIMIT=%d", memoryLimit), "MAX_STREAMS=4000",
		"STREAM_RATE=0", "REQUEST_RATE=0", "ROOM_RATE=0", "HISTORY_BYTES=1073741824",
	}, append(quiet, settings...)...)...)
	m.ana = enter(t, m.base, "ana")
	return m
}

// fill posts long messages into rooms, by many at once, and returns the ids of the
// first room's, in order.
func (m *memoryTest) fill(rooms []string, each int) {
	m.t.Helper()
	var writers sync.WaitGroup
	var next atomic.Int64
	for range 16 {
		writers.Go(func() {
			for n := int(next.Add(1)) - 1; n < each*len(rooms); n = int(next.Add(1)) - 1 {
				body := asJSON(post{Room: rooms[n%len(rooms)], Text: fmt.Sprint(n, " ", strings.Repeat("🦜", longText))})
				a, err := call(m.t.Context(), http.MethodPost, m.base+"/messages", body, m.ana.bearer())
				if err != nil || a.status != http.StatusCreated {
					m.t.Errorf("post %d: status %d, %v, %.200s", n, a.status, err, a.body)
					return
				}
			}
		})
	}
	writers.Wait()
	if m.t.Failed() {
		m.t.FailNow()
	}
}

// mute opens a stream and reads nothing of it.
func (m *memoryTest) mute(query, lastID string) *net.TCPConn {
	m.t.Helper()
	u, err := url.Parse(m.base)
	if err != nil {
		m.t.Fatal(err)
	}
	conn, err := new(net.Dialer).DialContext(m.t.Context(), "tcp", u.Host)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = conn.Close() })
	c := conn.(*net.TCPConn)
	_ = c.SetReadBuffer(4 << 10)
	request := "GET /events?" + query + " HTTP/1.1\r\nHost: " + u.Host + "\r\n"
	if lastID != "" {
		request += "Last-Event-ID: " + lastID + "\r\n"
	}
	if _, err := io.WriteString(c, request+"\r\n"); err != nil {
		m.t.Fatal(err)
	}
	return c
}

// peak is the most that the instance holds for a while.
func (m *memoryTest) peak(during time.Duration) (most int64) {
	m.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(during); time.Now().Before(end); <-tick.C {
		if !m.running() {
			m.t.Fatal("the instance is gone")
		}
		most = max(most, m.residentBytes())
	}
	return most
}

// readOn reads messages from a stream that each have the seq that follows, until one
// has the seq last, and returns the next seq. It stops early where the stream ends, or
// time does.
func readOn(t *testing.T, st *stream, within time.Duration, next, last int) int {
	t.Helper()
	_ = st.conn.SetReadDeadline(time.Now().Add(within))
	for next <= last {
		e, err := st.next()
		if err != nil {
			return next
		}
		if e.name != "message" {
			continue
		}
		if _, seq, _ := strings.Cut(e.id, "-"); seq != fmt.Sprint(next) {
			t.Fatalf("message %s comes where %d belongs", e.id, next)
		}
		next++
	}
	return next
}

// Readers that come back far behind, in a room of long messages, and then read
// nothing, or a byte now and then, or hang up.
func TestPromise3_ReadersThatReadNothingTakeNoMemoryFromTheOthers(t *testing.T) {
	for _, writer := range []string{"poller", "handler"} {
		t.Run(writer, func(t *testing.T) {
			const said, mutes = 4000, 600
			m := newMemoryTest(t, "WRITER="+writer)
			m.fill([]string{"slow"}, said)
			first := history(t, m.base, "slow")[0]
			epoch, _, _ := strings.Cut(first.ID, "-")
			id := func(seq int) string { return fmt.Sprintf("%s-%d", epoch, seq) }
			live := openIdle(t, subscription{base: m.base, room: "slow", lastID: id(said - 1)})
			before := m.residentBytes()

			// They come in no order and not at once, so that few share what is read for them.
			place := func(n int) int { return n * 379 % mutes * (said - 200) / mutes }
			quiets := make([]*net.TCPConn, mutes)
			for n := range quiets {
				quiets[n] = m.mute("room=slow", id(place(n)))
				time.Sleep(10 * time.Millisecond)
			}
			stop := make(chan struct{})
			var tricklers sync.WaitGroup
			defer tricklers.Wait()
			defer close(stop)
			for _, c := range quiets[:50] { // these read ten bytes a second
				tricklers.Go(func() {
					for buf := make([]byte, 1); ; {
						select {
						case <-stop:
							return
						case <-time.After(100 * time.Millisecond):
							_, _ = c.Read(buf)
						}
					}
				})
			}
			peak := m.peak(6 * time.Second)
			for _, c := range quiets[100:300] {
				_ = c.Close()
			}
			peak = max(peak, m.peak(2*time.Second))
			t.Logf("%d streams that read nothing: resident memory from %d to %d MiB at most", mutes, before>>20, peak>>20)
			if most := int64(memoryLimit / 8 * 5); peak > most {
				t.Errorf("resident memory came to %d MiB, want at most %d", peak>>20, most>>20)
			}

			// Others are served beside them: one who is live, and one who has it all to catch up with.
			begun := time.Now()
			if err := sayAndReceive(t, m.ana, m.base, live, "you are heard"); err != nil {
				t.Error(err)
			}
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("a message took %s", took)
			}
			far := openIdle(t, subscription{base: m.base, room: "slow", lastID: id(0)})
			if next := readOn(t, far, time.Minute, 1, said); next != said+1 {
				t.Errorf("who is far behind got as far as %d of %d", next, said)
			}

			// And one of them begins to read: it has every message, if need be in two goes.
			from := place(400)
			late := &stream{conn: quiets[400], stop: func() bool { return true }}
			response, err := http.ReadResponse(bufio.NewReader(late.conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			late.parser = parser{r: bufio.NewReader(response.Body), lastID: id(from)}
			next := readOn(t, late, 5*time.Second, from+1, said)
			for try := 0; next <= said && try < 5; try++ {
				again := openIdle(t, subscription{base: m.base, room: "slow", lastID: id(next - 1)})
				next = readOn(t, again, 30*time.Second, next, said)
			}
			if next != said+1 {
				t.Errorf("who was slow got as far as %d of %d", next, said)
			}
		})
	}
}

// One address opens many rooms that are full of long messages.
func TestPromise4_ManyRoomsAreHeldWithinTheBudget(t *testing.T) {
	const rooms, each = 200, 40
	names := make([]string, rooms)
	for n := range names {
		names[n] = fmt.Sprint("room-", n)
	}
	m := newMemoryTest(t)
	m.fill(names, each)
	for _, tt := range []struct {
		query string
		grows int64 // at most; bytes
	}{{"history=0", 48 << 20}, {"history=100", memoryLimit / 3}} {
		before := m.residentBytes()
		for _, room := range names {
			m.mute(tt.query+"&room="+room, "")
		}
		peak := m.peak(4 * time.Second)
		t.Logf("%d rooms of %d long messages, %s: resident memory from %d to %d MiB at most", rooms, each, tt.query, before>>20, peak>>20)
		if peak-before > tt.grows {
			t.Errorf("%s: resident memory grew by %d MiB, want at most %d", tt.query, (peak-before)>>20, tt.grows>>20)
		}
	}
}
