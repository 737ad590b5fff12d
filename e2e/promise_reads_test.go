//go:build linux

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// One address that reads all it can, over as many connections as these, for so long.
const (
	hostileReaders = 300
	hostileTime    = 6 * time.Second
)

// How many times as long honest posts may take beside such an address: half of them, and
// nearly all. Before reads had turns, it was about a thousand times.
const maxSlowdown, maxSlowdown99 = 50, 20

func TestPromise3_OneAddressThatReadsPagesWithoutEndKeepsNobodyFromPosting(t *testing.T) {
	for _, path := range []string{"/messages?limit=200", "/messages?limit=200&before=", "/rooms/lobby"} {
		t.Run(strings.Trim(path, "/"), func(t *testing.T) {
			redis := startRedis(t)
			i := startPlainInstance(t, append([]setting{redis.url(), "TRUSTED_PROXIES=none", "REQUEST_RATE=0", "LOG_LEVEL=warn"}, quiet...)...)
			checkPostsBesideReaders(t, i, path)
		})
	}
}

func TestPromise3_OneAddressThatReadsPagesOfAnEmbeddedRedisKeepsNobodyFromPosting(t *testing.T) {
	if !aloneOnLoopback(t) {
		return
	}
	i := launch(t, plainBinary, freePort(t), append([]setting{"TRUSTED_PROXIES=none", "REQUEST_RATE=0", "LOG_LEVEL=warn"}, quiet...)...)
	i.awaitReady(startup)
	checkPostsBesideReaders(t, i, "/messages?limit=200")
}

// checkPostsBesideReaders measures honest posts without and with an address that reads path,
// to which the id of a message is added where it ends with =.
func checkPostsBesideReaders(t *testing.T, i *instance, path string) {
	t.Helper()
	big := strings.Repeat("𝄞", 2000) // 8 KB
	var ids []string
	for range 250 {
		a := mustCall(t, http.StatusCreated, http.MethodPost, i.base+"/messages", asJSON(post{Text: big, Nickname: "big"}))
		ids = append(ids, read[message](t, string(a.body)).ID)
	}
	if !strings.HasSuffix(path, "=") {
		ids = []string{""}
	}
	before := honestPosts(t, i, 3*time.Second)

	var stop atomic.Bool
	var answers, bytes atomic.Int64
	var wg sync.WaitGroup
	for reader := range hostileReaders {
		wg.Go(func() {
			for !stop.Load() {
				n, err := readWithoutEnd(i.port, path+ids[reader%len(ids)], &stop)
				answers.Add(n.answers)
				bytes.Add(n.bytes)
				if err != nil {
					time.Sleep(50 * time.Millisecond) // it was closed
				}
			}
		})
	}
	beside := honestPosts(t, i, hostileTime)
	stop.Store(true)
	wg.Wait()
	t.Logf("posts: %s, beside %d connections that got %d answers of %d MB: %s",
		before, hostileReaders, answers.Load(), bytes.Load()>>20, beside)
	if answers.Load() < 20 {
		t.Errorf("the readers got %d answers: that was no attack", answers.Load())
	}
	if beside.refused > 0 || before.refused > 0 {
		t.Errorf("posts, looks at /readyz or pages were refused: %d before, %d beside the readers", before.refused, beside.refused)
	}
	if beside.p50 > maxSlowdown*max(before.p50, time.Millisecond) || beside.p99 > maxSlowdown99*max(before.p99, 10*time.Millisecond) {
		t.Errorf("beside the readers, posts take %s; without, %s", beside, before)
	}
}

type reading struct{ answers, bytes int64 }

// readWithoutEnd asks for a path again and again over one connection from 127.0.0.2.
func readWithoutEnd(port int, path string, stop *atomic.Bool) (n reading, err error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, Timeout: 2 * time.Second}
	conn, err := dialer.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return n, err
	}
	defer func() { _ = conn.Close() }()
	answers := bufio.NewReaderSize(conn, 64<<10)
	for !stop.Load() {
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
			return n, err
		}
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			return n, err
		}
		size, err := io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if err != nil {
			return n, err
		}
		n.answers++
		n.bytes += size
	}
	return n, nil
}

// honestOutcome is how it went for those who ask little.
type honestOutcome struct {
	posts, refused int
	p50, p99       time.Duration
}

func (h honestOutcome) String() string {
	return fmt.Sprintf("%d posts, p50 %s, p99 %s", h.posts, h.p50.Round(100*time.Microsecond), h.p99.Round(100*time.Microsecond))
}

// honestPosts has eight people post to rooms of their own, ten times a second each, somebody
// read a page now and then, and somebody look at /readyz.
func honestPosts(t *testing.T, i *instance, during time.Duration) (h honestOutcome) {
	t.Helper()
	var mu sync.Mutex
	var took []time.Duration
	end := time.Now().Add(during)
	var wg sync.WaitGroup
	every := func(pause time.Duration, ask func() (answer, error), want int, measured bool) {
		wg.Go(func() {
			for time.Now().Before(end) {
				begun := time.Now()
				a, err := ask()
				elapsed := time.Since(begun)
				mu.Lock()
				if err != nil || a.status != want {
					h.refused++
					t.Logf("refused after %s: status %d, error %v", elapsed, a.status, err)
				} else if measured {
					took = append(took, elapsed)
				}
				mu.Unlock()
				time.Sleep(pause)
			}
		})
	}
	for n := range 8 {
		body := asJSON(post{Room: fmt.Sprint("honest-", n), Text: "salut", Nickname: fmt.Sprint("ana", n)})
		every(100*time.Millisecond, func() (answer, error) {
			return call(t.Context(), http.MethodPost, i.base+"/messages", body)
		}, http.StatusCreated, true)
	}
	every(200*time.Millisecond, func() (answer, error) {
		return call(t.Context(), http.MethodGet, i.base+"/messages?room=honest-0", "")
	}, http.StatusOK, false)
	every(200*time.Millisecond, func() (answer, error) {
		return call(t.Context(), http.MethodGet, i.base+"/readyz", "")
	}, http.StatusOK, false)
	wg.Wait()
	if len(took) == 0 {
		t.Fatal("nobody could post")
	}
	slices.Sort(took)
	h.posts, h.p50, h.p99 = len(took), took[len(took)/2], took[len(took)*99/100]
	return h
}
