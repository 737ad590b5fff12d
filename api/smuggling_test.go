package api

import (
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// raw writes bytes to the server, as nobody's library would, and returns all that
// it says until it ends the connection, or has begun a stream.
func (s *server) raw(t *testing.T, request string) string {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for buf := make([]byte, 64<<10); ; {
		n, err := conn.Read(buf)
		said.Write(buf[:n])
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			t.Fatalf("the connection does not end; it said %q", said.String())
		}
		if _, stream, ok := strings.Cut(said.String(), "event: hello"); err != nil || ok && strings.Contains(stream, "\n\n") {
			return said.String()
		}
	}
}

var statusLine = regexp.MustCompile(`HTTP/1\.1 (\d\d\d) `)

func statuses(said string) (list []string) {
	for _, m := range statusLine.FindAllStringSubmatch(said, -1) {
		list = append(list, m[1])
	}
	return list
}

// What an attacker would have a proxy take for a body, and this server for a request.
const smuggledBody = `{"nickname":"mallory","text":"smuggled"}`

var smuggled = fmt.Sprintf("POST /messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(smuggledBody), smuggledBody)

func TestSmuggling_WhatIsAmbiguousIsRefusedOrTheLastOfItsConnection(t *testing.T) {
	const post = "POST /messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	const said = `{"nickname":"ana","text":"salut"}`
	length := fmt.Sprintf("Content-Length: %d\r\n", len(said))
	chunk := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(said), said)
	for _, test := range []struct {
		name, request string
		want          []string
	}{
		{"a length and chunks", post + length + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, []string{"400"}},
		{"chunks, then a length", post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + chunk + smuggled, []string{"201"}},
		{"chunks alone", post + "Transfer-Encoding: chunked\r\n\r\n" + chunk + smuggled, []string{"201"}},
		{"two lengths", post + "Content-Length: 0\r\n" + length + "\r\n" + said + smuggled, []string{"400"}},
		{"two lengths in a line", post + "Content-Length: 0, 33\r\n\r\n" + said + smuggled, []string{"400"}},
		{"a length with a sign", post + "Content-Length: +33\r\n\r\n" + said + smuggled, []string{"400"}},
		{"a negative length", post + "Content-Length: -1\r\n\r\n" + said + smuggled, []string{"400"}},
		{"an endless length", post + "Content-Length: 99999999999999999999\r\n\r\n" + said + smuggled, []string{"400"}},
		{"a length in hexadecimal", post + "Content-Length: 0x21\r\n\r\n" + said + smuggled, []string{"400"}},
		{"a space before the colon", post + "Content-Length : 33\r\n\r\n" + said + smuggled, []string{"400"}},
		{"a space before the colon of the encoding", post + "Transfer-Encoding : chunked\r\n\r\n" + chunk + smuggled, []string{"400"}},
		{"a space in a name", post + "X Y: z\r\n\r\n" + smuggled, []string{"400"}},
		{"no name", post + ": z\r\n\r\n" + smuggled, []string{"400"}},
		{"no colon", post + "Transfer-Encoding\r\n\r\n" + smuggled, []string{"400"}},
		{"an encoding folded over two lines", post + "Transfer-Encoding:\r\n chunked\r\n\r\n" + chunk + smuggled, []string{"201"}},
		{"a first line that is folded", "POST /messages HTTP/1.1\r\n Host: x\r\n" + length + "\r\n" + said + smuggled, []string{"400"}},
		{"NUL in a value", post + "X: a\x00b\r\n\r\n" + smuggled, []string{"400"}},
		{"NUL in a name", post + "X\x00: a\r\n\r\n" + smuggled, []string{"400"}},
		{"CR in a value", post + "X: a\rTransfer-Encoding: chunked\r\n\r\n" + smuggled, []string{"400"}},
		{"an encoding that is none", post + "Transfer-Encoding: xchunked\r\n\r\n" + chunk + smuggled, []string{"501"}},
		{"two encodings", post + "Transfer-Encoding: chunked, identity\r\n\r\n" + chunk + smuggled, []string{"501"}},
		{"two lines of encodings", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunk + smuggled, []string{"501"}},
		{"a vertical tab before the encoding", post + "Transfer-Encoding: \vchunked\r\n\r\n" + chunk + smuggled, []string{"400"}},
		{"an endless chunk", post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + smuggled, []string{"400"}},
		{"a negative chunk", post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n" + smuggled, []string{"400"}},
		{"a chunk in 0x", post + "Transfer-Encoding: chunked\r\n\r\n0x21\r\n" + smuggled, []string{"400"}},
		{"a chunk longer than it says", post + "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n" + smuggled, []string{"400"}},
		{"a chunk's extension with a line feed", post + "Transfer-Encoding: chunked\r\n\r\n0;x=\n" + smuggled, []string{"400"}},
		{"endless chunk extensions", post + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1;"+strings.Repeat("x", 3000)+"\r\n{\r\n", 20) + "0\r\n\r\n" + smuggled, []string{"400"}},
		{"a trailer that is a header", post + "Transfer-Encoding: chunked\r\n\r\n" + strings.TrimSuffix(chunk, "\r\n") + "Content-Length: 5\r\n\r\n" + smuggled, []string{"201"}},
		{"two hosts", post + "Host: y\r\n\r\n" + smuggled, []string{"400"}},
		{"no host", "POST /messages HTTP/1.1\r\n\r\n" + smuggled, []string{"400"}},
		{"a host that is none", "POST /messages HTTP/1.1\r\nHost: a b/c\r\n\r\n" + smuggled, []string{"400"}},
		{"HTTP/0.9", "GET /\r\n" + smuggled, []string{"400"}},
		{"HTTP/2 without having said so", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + smuggled, []string{"404"}},
		{"a line feed in the path", "GET /\nX HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, []string{"400"}},
		{"the stream, and another request", "GET /events HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, []string{"200"}},
		{"a stream with a body", "GET /events HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n" + smuggled, []string{"200"}},
		{"an upgrade", "GET /events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + smuggled, []string{"200"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			got := s.raw(t, test.request)
			if !slices.Equal(statuses(got), test.want) {
				t.Errorf("answered %q, want %q:\n%.600s", statuses(got), test.want, got)
			}
			if h := s.get("/messages").body; strings.Contains(h, "mallory") {
				t.Errorf("the smuggled request was taken: %s\n%.600s", h, got)
			}
		})
	}
}

func TestSmuggling_AnAbsoluteURIChangesNothingButTheHost(t *testing.T) {
	s := newServer(t)
	got := s.raw(t, "GET http://evil.example/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if !slices.Equal(statuses(got), []string{"200"}) || strings.Contains(got, "evil.example") {
		t.Errorf("answered %q", got)
	}
}

// Whatever stands in a query or a header comes back in no header and in no frame
// of a stream as anything but data.
func TestInjection_NothingThatIsSentBecomesAHeaderOrAFrame(t *testing.T) {
	const bad = "%0d%0aX-Injected:%20yes%0d%0a%0d%0aevent:%20injected%0adata:%20x%0a%0a%00"
	for _, request := range []string{
		"GET /events?room=" + bad, "GET /events?last_event_id=" + bad, "GET /events?history=" + bad, "GET /events?" + bad + "=1",
		"GET /messages?room=" + bad, "GET /messages?before=" + bad, "GET /rooms?limit=" + bad, "GET /rooms/" + bad, "GET /" + bad,
		"GET /rooms?room=" + bad, "GET /?lang=" + bad, "GET /assets/" + bad, "POST /messages?text=" + bad, "POST /nicknames?nickname=" + bad,
		"POST /messages?nonce=" + bad + "&text=a&nickname=b", bad + " /",
	} {
		for _, accept := range []string{"*/*", "text/html"} {
			t.Run(request+" "+accept, func(t *testing.T) {
				s := newServer(t)
				got := s.raw(t, request+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: "+accept+"\r\nX-Request-Id: a%0d%0aX-Injected: yes\r\nLast-Event-ID: 1-1%0aevent: injected\r\n\r\n")
				head, _, _ := strings.Cut(got, "\r\n\r\n")
				if len(statuses(got)) != 1 || strings.Contains(strings.ToLower(head), "\nx-injected") ||
					strings.Contains(head, "text/event-stream") && strings.Contains(got, "\nevent: injected") {
					t.Errorf("answered %q", got)
				}
			})
		}
	}
}

func TestInjection_ALastEventIDWithControlCharactersIsNoRequest(t *testing.T) {
	s := newServer(t)
	for _, id := range []string{"1-1\x00", "1\r-1", "1-1\x7f"} {
		if got := s.raw(t, "GET /events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: "+id+"\r\n\r\n"); !slices.Equal(statuses(got), []string{"400"}) {
			t.Errorf("%q: answered %q", id, got)
		}
	}
}
