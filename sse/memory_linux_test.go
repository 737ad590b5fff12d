package sse

import (
	"net"
	"runtime"
	"runtime/debug"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What a reader costs in this process, kernel apart, with everything that
// net/http had for it gone: that would be some 10 KB. The bound has room for the
// race detector, and for tables that hold the clients' descriptors too.
func TestPoller_AnIdleReaderCostsLittle(t *testing.T) {
	if testing.Short() {
		t.Skip("opens thousands of sockets")
	}
	const n = 2000
	w := &world{log: newFakeLog()}
	w.Hub = NewHub(Options{Log: quiet, Poller: true, MaxStreams: -1}, w.log, benchPresence{})
	t.Cleanup(w.Close)
	srv := serveHTTP(t, w, nil)
	addr := srv.Listener.Addr().(*net.TCPAddr)
	clients := make([]int, 0, n)
	defer func() {
		for _, fd := range clients {
			_ = unix.Close(fd)
		}
	}()
	connect := func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, fd)
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: addr.Port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(fd, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	// The runtime keeps what describes a goroutine for good, so what a herd leaves grows with
	// how many are served at once: as many before the first count as after it.
	const together = 50
	goroutines := runtime.NumGoroutine()
	live := func(readers int) uint64 {
		for len(clients) < readers {
			for range together {
				connect()
			}
			until(t, func() bool {
				w.mu.Lock()
				defer w.mu.Unlock()
				return w.streams == len(clients)
			})
			until(t, func() bool { return runtime.NumGoroutine() <= goroutines }) // handed over
		}
		debug.FreeOSMemory()
		runtime.GC() // pools are emptied by the second
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := live(2 * together)
	each := int(live(n)-before) / (n - 2*together)
	t.Logf("%d bytes of heap for each idle reader", each)
	if size := unsafe.Sizeof(reader{}); size > 80 || each > 400 {
		t.Errorf("a reader is %d bytes and costs %d", size, each)
	}
}
