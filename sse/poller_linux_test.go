package sse

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// descriptors is how many the process has open.
func descriptors(tb testing.TB) int {
	tb.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Fatal(err)
	}
	return len(names)
}

// havePoller is a hub with one loop that takes no turn by itself.
func havePoller(t *testing.T, o Options) (*world, *loop) {
	t.Helper()
	w := newWorld(t, o)
	l, err := newLoop(w.Hub)
	if err != nil {
		t.Fatal(err)
	}
	w.poller = &poller{hub: w.Hub, seed: maphash.MakeSeed(), loops: []*loop{l}, close: sync.OnceFunc(func() {
		l.endAll()
		_ = l.file.Close()
	})}
	return w, l
}

// arrival waits until somebody is on the way into l.
func arrival(t *testing.T, l *loop) newcomer {
	t.Helper()
	var n newcomer
	until(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.inbox) > 0 {
			n = l.inbox[0]
		}
		return n.reader != nil
	})
	return n
}

func TestPoller_HasTheKernelCutAPeerThatAcknowledgesNothing(t *testing.T) {
	w, l := havePoller(t, Options{Log: quiet, WriteTimeout: 7 * time.Second})
	dialRaw(t, serveHTTP(t, w, nil), "")
	fd := int(arrival(t, l).fd)
	ms, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
	if err != nil || ms != 7000 {
		t.Errorf("TCP_USER_TIMEOUT is %d, %v", ms, err)
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("a child process would inherit it: %#x, %v", flags, err)
	}
}

func TestPoller_AStreamThatEndsDuringTheHandoverIsCountedOut(t *testing.T) {
	for name, end := range map[string]func(*world, net.Conn){
		"hung up":  func(_ *world, c net.Conn) { _ = c.Close() },
		"replaced": func(w *world, _ net.Conn) { w.log.lose() },
	} {
		t.Run(name, func(t *testing.T) {
			w, l := havePoller(t, Options{Log: quiet})
			conn, _ := dialRaw(t, serveHTTP(t, w, nil), "")
			arrival(t, l)
			end(w, conn)
			until(t, func() bool { // the kernel may take its time to tell
				l.adopt()
				events := make([]unix.EpollEvent, 8)
				n, err := l.poll(events)
				if err != nil {
					t.Fatal(err)
				}
				l.handle(events[:n])
				return w.closes(hangup)+w.closes(replaced) == 1
			})
			if got := w.who.heard(); got != "+p_1 -p_1" || w.streams != 0 || len(l.groups) != 0 {
				t.Errorf("presence heard %q, %d streams, %d groups", got, w.streams, len(l.groups))
			}
		})
	}
}

func TestPoller_AByeIsNotLostOverUnreadInput(t *testing.T) {
	w := newWorld(t, Options{Log: quiet, Poller: true})
	conn, r := dialRaw(t, serveHTTP(t, w, nil), "")
	readUntil(t, r, "event: hello")
	fmt.Fprint(conn, strings.Repeat("who asked? ", 500))
	w.log.lose()
	expectEnd(t, r, replaced) // and not with a reset
}

func TestPoller_WithoutDescriptorsAStreamIsToldThatTheServerIsFull(t *testing.T) {
	var logged safeBuffer
	w := newWorld(t, Options{Log: slog.New(slog.NewTextHandler(&logged, nil)), Poller: true})
	gate := make(chan struct{})
	var waiting atomic.Int32
	srv := serveHTTP(t, w, func(s *httptest.Server) {
		serve := s.Config.Handler
		s.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			waiting.Add(1)
			<-gate
			serve.ServeHTTP(rw, r)
		})
	})
	var clients []io.Reader
	for range 3 {
		_, r := dialRaw(t, srv, "")
		clients = append(clients, r)
	}
	until(t, func() bool { return waiting.Load() == 3 })
	withoutDescriptors(t, func() {
		close(gate)
		for _, r := range clients {
			expectEnd(t, r, full)
		}
	})
	if n := strings.Count(logged.String(), "no descriptor left"); n != 1 {
		t.Errorf("said %d times: %s", n, logged.String())
	}
	_, r := dialRaw(t, srv, "")
	readUntil(t, r, "event: hello")
}

// withoutDescriptors runs f while no further descriptor can be had.
func withoutDescriptors(t *testing.T, f func()) {
	t.Helper()
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
			t.Fatal(err)
		}
	}()
	f()
}

// safeBuffer is a log for several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// Through net/http, the handover and the loops, as many times as
// CAUSETTE_CONNECTS says: 3,000 is what a test run can spare.
func TestPoller_DescriptorsAndGoroutinesStayFlat(t *testing.T) {
	connects := 3000
	if s := os.Getenv("CAUSETTE_CONNECTS"); s != "" {
		if _, err := fmt.Sscan(s, &connects); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld(t, Options{Log: quiet, Poller: true})
	srv := serveHTTP(t, w, nil)
	keep, r := dialRaw(t, srv, "")
	defer keep.Close()
	readUntil(t, r, "event: hello")
	until(t, func() bool { return runtime.NumGoroutine() < 30 })
	files, goroutines := descriptors(t), runtime.NumGoroutine()
	var clients sync.WaitGroup
	addr := srv.Listener.Addr().(*net.TCPAddr)
	for k := range 8 {
		clients.Go(func() {
			buf := make([]byte, 4096)
			for i := range connects / 8 {
				conn, err := net.DialTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+k))}, addr)
				if err != nil {
					t.Error(err)
					return
				}
				_ = conn.SetLinger(0) // a port is free again at once
				fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				if i%3 > 0 {
					_, _ = conn.Read(buf)
				}
				_ = conn.Close()
			}
		})
	}
	clients.Wait()
	until(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.streams == 1
	})
	until(t, func() bool { return descriptors(t) <= files && runtime.NumGoroutine() <= goroutines })
}

func TestPoller_KeepsARoomOfFewOnOneLoopAndSpreadsALargeOne(t *testing.T) {
	h := newHand(t, Options{})
	p := &poller{hub: h.Hub, seed: maphash.MakeSeed(), loops: []*loop{new(loop), new(loop), new(loop)}}
	on := make(map[*loop]int)
	e := &entry{id: "room"}
	for e.readers = 1; e.readers <= 4*alone; e.readers++ {
		on[p.loopFor(e)]++
		if e.readers == alone && len(on) != 1 {
			t.Errorf("%d readers are on %d loops", e.readers, len(on))
		}
	}
	for _, l := range p.loops {
		if n := on[l]; n < 4*alone/3-alone/6 || n > 4*alone/3+alone/6 {
			t.Errorf("of %d readers a loop has %d", 4*alone, n)
		}
	}
}
