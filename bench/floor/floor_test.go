package floor

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"causette/bench/proc"
)

// TestMain is also the floor that the tests start.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == Argument {
		port, err := strconv.Atoi(os.Args[2])
		if err == nil {
			err = Serve(port)
		}
		log.Fatal(err)
	}
	goleak.VerifyTestMain(m)
}

// floors are both programs, listening.
func floors(t *testing.T) map[string]string {
	t.Helper()
	c := t.TempDir() + "/floor"
	if out, err := exec.CommandContext(t.Context(), "gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", c, "src/floor.c").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	addresses := map[string]string{}
	for name, command := range map[string][]string{"C": {c}, "Go": {os.Args[0], Argument}} {
		port, err := proc.FreePort(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		p, err := proc.Start(t.Context(), name, exec.CommandContext(t.Context(), command[0], append(command[1:], strconv.Itoa(port))...))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Stop)
		addresses[name] = fmt.Sprintf("127.0.0.1:%d", port)
		if err := p.Listening(t.Context(), addresses[name]); err != nil {
			t.Fatal(err)
		}
	}
	return addresses
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // it may be closed already
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func say(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// hear reads until what came ends with text.
func hear(t *testing.T, r *bufio.Reader, text string) {
	t.Helper()
	var heard strings.Builder
	for !strings.HasSuffix(heard.String(), text) {
		b, err := r.ReadByte()
		if err != nil {
			t.Fatalf("%v after %q, before %q", err, heard.String(), text)
		}
		heard.WriteByte(b)
	}
}

func TestFloors_DeliverPipelinedPostsToEveryReader(t *testing.T) {
	for name, address := range floors(t) {
		t.Run(name, func(t *testing.T) {
			var readers []*bufio.Reader
			var first net.Conn
			for i := range 3 {
				c := dial(t, address)
				say(t, c, "GET / HTTP/1.1\r\n\r\n")
				readers = append(readers, bufio.NewReader(c))
				hear(t, readers[i], "retry: 1000\n\n")
				if i == 0 {
					first = c
				}
			}
			publisher := dial(t, address)
			answers := bufio.NewReader(publisher)
			say(t, publisher, strings.Repeat("POST / HTTP/1.1\r\ncontent-length: 7\r\n\r\ndata: \n", 500)) // far more than one read
			for range 500 {
				hear(t, answers, "Content-Length: 0\r\n\r\n")
			}
			for _, r := range readers {
				hear(t, r, strings.Repeat("data: \n", 500))
			}
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			say(t, publisher, "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n")
			say(t, publisher, "last")
			for _, r := range readers[1:] {
				hear(t, r, "last")
			}
		})
	}
}
