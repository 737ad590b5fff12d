package embedded

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// array is a command as clients write it.
func array(args ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(arg), arg)
	}
	return b.String()
}

func TestServer_WhatIsMalformedEndsItsConnectionAlone(t *testing.T) {
	i := open(t, nowhere(t), shortDir(t))
	other := i.connect(t)
	for _, sent := range []string{
		"*0\r\n", "*-1\r\n", "*\r\n", "*1\n", "*x\r\n", "*+1\r\n", "*99999999999999999999\r\n", "*16385\r\n",
		"*1\r\n$-1\r\n", "*1\r\n$\r\n", "*1\r\n$99999999999\r\n", "*1\r\n$1048577\r\n", "*1\r\n:1\r\n", "*1\r\n+PING\r\n", "*1\r\n*1\r\n$4\r\nPING\r\n",
		"*1\r\n$4\r\nPINGxx", "PING\r\n", "\r\n", "\x00\x01\x02", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01",
	} {
		c := i.connect(t)
		if got := c.ask(sent); !strings.HasPrefix(got, "-ERR Protocol error") {
			t.Errorf("%q: answered %q", sent, got)
		}
		if got := c.ask(ping); got != "" {
			t.Errorf("%q: the connection goes on: %q", sent, got)
		}
		if got := other.ask(ping); got != "+PONG\r\n" {
			t.Fatalf("%q: another connection is answered %q", sent, got)
		}
	}
}

func TestServer_HalfACommandHoldsNobodyUp(t *testing.T) {
	i := open(t, nowhere(t), shortDir(t))
	half := i.connect(t)
	if got := half.ask(ping + "*2\r\n$4\r\nPI"); got != "+PONG\r\n" {
		t.Errorf("what came before it is answered %q", got)
	}
	if got := i.connect(t).ask(ping); got != "+PONG\r\n" {
		t.Errorf("another connection is answered %q", got)
	}
	if got := half.ask("NG\r\n$1\r\nx\r\n"); got != "$1\r\nx\r\n" {
		t.Errorf("the whole of it is answered %q", got)
	}
}

// miniredis 2.40 panics at a negative cursor, with its lock locked.
func TestServer_ACommandThatPanicsEndsItsConnectionAlone(t *testing.T) {
	i := open(t, nowhere(t), shortDir(t))
	c, other := i.connect(t), i.connect(t)
	other.ask(array("ZADD", "z", "1", "k"))
	if got := c.ask(array("ZSCAN", "z", "-1")); got != "" {
		t.Errorf("answered %q: if miniredis was mended, another panic has to be found", got)
	}
	if got := other.ask(array("SET", "k", "v")); got != "+OK\r\n" {
		t.Errorf("another connection is answered %q", got)
	}
	if !strings.Contains(i.log.String(), "a command failed") {
		t.Errorf("log %s", i.log)
	}
}

func TestServer_CommandsThatWaitOrInflateAreRefused(t *testing.T) {
	i := open(t, nowhere(t), shortDir(t))
	c := i.connect(t)
	for _, sent := range []string{
		array("BLPOP", "k", "0"), array("XREAD", "BLOCK", "0", "STREAMS", "k", "$"), array("xread", "block", "0", "streams", "k", "$"),
		array("SETRANGE", "k", "1000000000", "x"), array("SETBIT", "k", "4294967295", "1"), array("MULTI"), array("SHUTDOWN"),
		array("EVAL", "return redis.call('XREAD', 'BLOCK', 0, 'STREAMS', 'k', '$')", "0"),
		array("EVAL", "return redis.call('SETRANGE', 'k', 1000000000, 'x')", "0"),
		array(strings.Repeat("x", 10_000)),
	} {
		if got := c.ask(sent); !strings.HasPrefix(got, "-") || len(got) > 400 {
			t.Errorf("%.60q: answered %.400q", sent, got)
		}
	}
}

func TestServer_AdmitsWhatTheScriptsUse(t *testing.T) {
	files, err := filepath.Glob("../*.lua")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	call := regexp.MustCompile(`redis\.p?call\(\s*'([A-Z]+)'`)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range call.FindAllStringSubmatch(string(b), -1) {
			if !admitted[found[1]] {
				t.Errorf("%s: %s is not admitted", file, found[1])
			}
		}
	}
}

// Everybody waits for who does not read, but not for long.
func TestServer_ASubscriberThatDoesNotReadIsCutOff(t *testing.T) {
	i := open(t, nowhere(t), shortDir(t))
	deaf := i.connect(t)
	if got := deaf.ask(array("SUBSCRIBE", "c")); !strings.Contains(got, "subscribe") {
		t.Fatal(got)
	}
	c := i.connect(t)
	large := array("PUBLISH", "c", strings.Repeat("x", 512<<10))
	eventually(t, "nobody is subscribed any more", func() bool { return c.ask(large) == ":0\r\n" })
}

func TestServer_OneTooManyConnectionsIsToldSo(t *testing.T) {
	i := open(t, nowhere(t), shortDir(t))
	i.server.mu.Lock()
	for len(i.server.conns) < maxConnections-1 { // beside the one that watches nothing
		one, two := net.Pipe()
		i.server.conns[one] = struct{}{}
		t.Cleanup(func() { _, _ = one.Close(), two.Close() })
	}
	i.server.mu.Unlock()
	first := i.connect(t)
	if got := first.ask(ping); got != "+PONG\r\n" {
		t.Errorf("the last is answered %q", got)
	}
	second := i.connect(t)
	_ = second.SetReadDeadline(time.Now().Add(soon))
	answer := make([]byte, 100)
	n, _ := second.Read(answer)
	if got := string(answer[:n]); !strings.Contains(got, "max number of clients") {
		t.Errorf("one too many is answered %q", got)
	}
	if got := first.ask(ping); got != "+PONG\r\n" {
		t.Errorf("then the last is answered %q", got)
	}
}

func TestServer_WhoCameAndWentLeavesNothing(t *testing.T) {
	i := open(t, nowhere(t), shortDir(t))
	i.connect(t).ask(ping)
	before := runtime.NumGoroutine()
	for range 50 {
		c := i.connect(t)
		c.ask(array("SUBSCRIBE", "a", "b"))
		_ = c.Close()
	}
	eventually(t, "its goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
}
