//go:build linux

package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// What an attacker writes for a proxy and the instance behind it to understand
// differently: each ends with a request that must not be taken, for what comes
// before it is refused or takes it for a body.
func TestNginx_PassesNoSmuggledRequestOn(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	one := startInstance(t, append([]setting{redis.url()}, quiet...)...)
	// Connections to the instance are kept and shared among clients.
	front := startNginx(t, func(port int) string {
		return fmt.Sprintf(`
events {}
http {
    upstream causette {
        server 127.0.0.1:%d;
        keepalive 4;
    }
    server {
        listen 127.0.0.1:%d;
        location / {
            proxy_pass http://causette;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_request_buffering off;
        }
    }
}`, one.port, port)
	})
	const body = `{"nickname":"mallory","text":"smuggled"}`
	smuggled := fmt.Sprintf("POST /messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	const post = "POST /messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	whole := fmt.Sprintf("Content-Length: %d\r\n", len(smuggled))
	for name, request := range map[string]string{
		"a length over chunks":        post + whole + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"two lengths":                 post + whole + "Content-Length: 0\r\n\r\n" + smuggled,
		"a length of none, then all":  post + "Content-Length: 0\r\n" + whole + "\r\n" + smuggled,
		"a space before the colon":    post + whole + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"an encoding that is none":    post + whole + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled,
		"a folded encoding":           post + whole + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"a folded encoding, after":    post + whole + "X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"CR before the encoding":      post + whole + "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"NUL before the encoding":     post + whole + "X: y\x00Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"a line feed for line ends":   post + whole + "X: y\nTransfer-Encoding: chunked\n\n0\r\n\r\n" + smuggled,
		"an endless chunk":            post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + smuggled,
		"a chunk that holds the rest": post + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x;a=b\r\n", len(smuggled)) + smuggled + "\r\n0\r\n\r\n",
		"a stream with a body":        "GET /events HTTP/1.1\r\nHost: x\r\n" + whole + "\r\n" + smuggled,
		"a path with a line end":      "GET /events?room=a%0d%0a HTTP/1.1\r\nHost: x\r\n" + whole + "\r\n" + smuggled,
	} {
		for to, addr := range map[string]string{"through nginx": front, "straight": one.base} {
			t.Run(name+" "+to, func(t *testing.T) {
				said := rawExchange(t, strings.TrimPrefix(addr, "http://"), request)
				for range 3 { // on what may be the same connection to the instance
					a := mustCall(t, http.StatusOK, http.MethodGet, front+"/messages", "")
					if strings.Contains(string(a.body), "smuggled") {
						t.Fatalf("it was taken: %s\nafter %.800s", a.body, said)
					}
				}
			})
		}
	}
	for _, path := range []string{"/healthz", "/messages"} {
		mustCall(t, http.StatusOK, http.MethodGet, front+path, "")
	}
}

// A request behind that of a stream is nobody's: the instance closes the
// connection, and a proxy that shares connections can give it to nobody else.
func TestInstance_WhatIsSentBehindAStreamIsNoRequest(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	one := startInstance(t, append([]setting{redis.url()}, quiet...)...)
	conn, err := net.Dial("tcp", strings.TrimPrefix(one.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const body = `{"nickname":"mallory","text":"smuggled"}`
	fmt.Fprintf(conn, "GET /events HTTP/1.1\r\nHost: x\r\n\r\nPOST /messages HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	reader := listen(t, subscription{base: one.base})
	ana := enter(t, one.base, "ana")
	ana.say(t, one.base, "", "after it")
	reader.awaitText(atOnce, "after it")
	a := mustCall(t, http.StatusOK, http.MethodGet, one.base+"/messages", "")
	if strings.Contains(string(a.body), "smuggled") {
		t.Errorf("it was taken: %s", a.body)
	}
}

// rawExchange writes bytes and returns what comes within a moment, or until the
// connection ends or has become a stream.
func rawExchange(t *testing.T, addr, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second)) // one that is kept alive says no more
	_, _ = io.WriteString(conn, request)
	var said strings.Builder
	for buf := make([]byte, 64<<10); ; {
		n, err := conn.Read(buf)
		said.Write(buf[:n])
		if err != nil || strings.Contains(said.String(), "event: hello") {
			return said.String()
		}
	}
}
