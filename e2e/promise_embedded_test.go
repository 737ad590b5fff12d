//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// anotherUser is the id of nobody, as whom tests that run as root look at things.
const anotherUser = 65534

// The session secret lies in Redis where no other is given: who reads it is whoever he likes.
func TestPromise1_AnotherUserReadsNothingOfTheEmbeddedRedis(t *testing.T) {
	if !aloneOnLoopback(t) {
		return
	}
	one := launch(t, checkedBinary, 0)
	one.awaitReady(startup)
	enter(t, firstURL, "ana") // which makes the secret, if nothing did yet

	if conn, err := net.Dial("tcp", "127.0.0.1:6379"); err == nil {
		_ = conn.Close()
		t.Error("something listens at 127.0.0.1:6379, where every user gets")
	}
	cli := program(t, "redis-cli", "redis-tools")
	tries := [][]string{{"-h", "127.0.0.1", "get", "chat:secret"}}
	if path := embeddedSocket(one); path != "" {
		tries = append(tries, []string{"-s", path, "get", "chat:secret"})
		own, err := exec.Command(cli, tries[1]...).CombinedOutput()
		if secret := strings.TrimSpace(string(own)); err != nil || len(secret) < 32 {
			t.Fatalf("this user reads %q, error %v", own, err)
		}
		for _, file := range []string{path, filepath.Dir(path)} {
			if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s is open to others: %v, error %v", file, info.Mode(), err)
			}
		}
	}
	as := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: anotherUser, Gid: anotherUser}}
	if err := run(as, "true"); err != nil {
		t.Logf("nobody else can be had here (%v): the modes have to do", err)
		return
	}
	for _, arguments := range tries {
		cmd := exec.Command(cli, arguments...)
		cmd.SysProcAttr = as
		if answer, _ := cmd.CombinedOutput(); !strings.Contains(string(answer), "Could not connect") {
			t.Errorf("redis-cli %q as another user: %q", arguments, answer)
		}
	}
}

// What another user put where the embedded Redis is looked for is no Redis of ours.
func TestPromise1_ASocketThatAnotherUserMadeIsNotJoined(t *testing.T) {
	if !aloneOnLoopback(t) {
		return
	}
	own := filepath.Join(runtimeDir(t), "causette")
	if err := os.Mkdir(own, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(own, anotherUser, anotherUser); err != nil {
		t.Logf("it stays this user's (%v), and is open to others", err)
	}
	l, err := net.Listen("unix", filepath.Join(own, "redis.sock"))
	if err != nil {
		t.Fatal(err)
	}
	joined := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("+OK\r\n"))
			_ = conn.Close()
			select {
			case joined <- struct{}{}:
			default:
			}
		}
	}()
	defer func() { _ = l.Close(); <-done }()

	temp, err := os.MkdirTemp("", "causette-") //nolint:usetesting // whose names are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(temp)
	one := launch(t, checkedBinary, 0, "TMPDIR="+temp)
	one.awaitReady(startup) // by a directory of its own
	if path := embeddedSocket(one); !strings.HasPrefix(path, temp) {
		t.Errorf("it holds %q, not one in %s", path, temp)
	}
	one.kill()
	if err := os.Chmod(temp, 0o777); err != nil {
		t.Fatal(err)
	}
	two := launch(t, checkedBinary, 4101, "TMPDIR="+temp)
	two.awaitOutput(startup, "set REDIS_URL")
	for _, reason := range []string{own, "without the sticky bit"} {
		if output := two.out.String(); !strings.Contains(output, reason) {
			t.Errorf("the reason, %q, is not given: %s", reason, output)
		}
	}
	select {
	case <-joined:
		t.Error("another user's socket was connected to")
	default:
	}
}

func TestPromise3_WhatIsMalformedTakesTheEmbeddedRedisFromNobody(t *testing.T) {
	if !aloneOnLoopback(t) {
		return
	}
	one := launch(t, checkedBinary, 0)
	one.awaitReady(startup)
	reader := listen(t, subscription{base: one.base})
	for _, sent := range [][]byte{
		[]byte("*0\r\n"), []byte("*-1\r\n"), []byte("*-9223372036854775808\r\n"), []byte("*2147483647\r\n"), []byte("*99999999999999999999999\r\n"),
		[]byte("*1\r\n$-1\r\n"), []byte("*1\r\n$9223372036854775807\r\n"), []byte("*1\r\n$4294967296\r\nx"), []byte("*2\r\n$3\r\nGET\r\n$1\r\n"), []byte("*1\r\n"),
		[]byte("*1\r\n$4\r\nPI"), []byte("PING\r\n"), []byte("\r\n"), []byte("\n\n\n"), {0, 1, 2, 0xff, 0xfe}, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		[]byte("*3\r\n$5\r\nZSCAN\r\n$10\r\nchat:rooms\r\n$2\r\n-1\r\n"), []byte("*1\r\n$8\r\nSHUTDOWN\r\n"), []byte("*3\r\n$5\r\nBLPOP\r\n$1\r\nk\r\n$1\r\n0\r\n"),
		[]byte("*4\r\n$8\r\nSETRANGE\r\n$1\r\nk\r\n$10\r\n4294967295\r\n$1\r\nx\r\n"),
		bytes.Repeat([]byte{'*'}, 10<<20), bytes.Repeat([]byte("*1\r\n$0\r\n\r\n"), 1<<20), bytes.Repeat([]byte{0}, 10<<20),
	} {
		conn := dialEmbedded(one)
		if conn == nil {
			t.Fatalf("%s is gone", one.name)
		}
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = conn.Write(sent) // which the other side may end
		answer := make([]byte, 64)
		_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // half a command has no answer
		_, _ = conn.Read(answer)
		_ = conn.Close()
		said := fmt.Sprintf("after %.40q of %d bytes", sent, len(sent))
		mustCall(t, http.StatusCreated, http.MethodPost, one.base+"/messages", asJSON(post{Text: said, Nickname: "ana"}))
		reader.awaitText(5*time.Second, said)
	}
	two := launch(t, checkedBinary, 4101)
	two.awaitReady(startup)
	checkHolder(t, one, two)
	mustCall(t, http.StatusCreated, http.MethodPost, two.base+"/messages", asJSON(post{Text: "all is well", Nickname: "bob"}))
	reader.awaitText(5*time.Second, "all is well")
}

var socketIn = regexp.MustCompile(`redis-cli -s (\S+)`)

// embeddedSocket is where an instance says that its embedded Redis listens, "" if it does not.
func embeddedSocket(i *instance) string {
	if found := socketIn.FindStringSubmatch(i.out.String()); found != nil {
		return found[1]
	}
	return ""
}

// dialEmbedded connects to an instance's embedded Redis, where older ones listened if it
// says nothing of a socket. It is nil where nobody is.
func dialEmbedded(i *instance) net.Conn {
	network, address := "tcp", "127.0.0.1:6379"
	if path := embeddedSocket(i); path != "" {
		network, address = "unix", path
	}
	conn, err := net.Dial(network, address)
	if err != nil {
		i.t.Logf("dial %s: %v", address, err)
		return nil
	}
	return conn
}

func run(as *syscall.SysProcAttr, name string, arguments ...string) error {
	cmd := exec.Command(name, arguments...)
	cmd.SysProcAttr = as
	return cmd.Run()
}
