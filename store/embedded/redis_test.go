package embedded

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const ping = "*1\r\n$4\r\nPING\r\n"

func TestRedis_TheFirstHoldsItAndTheSecondJoins(t *testing.T) {
	address, dir := nowhere(t), shortDir(t)
	first := open(t, address, dir)
	path := filepath.Join(dir, "causette", "redis.sock")
	if !first.Holding() || !strings.Contains(first.log.String(), "embedded Redis started: nothing survives this process; redis-cli -s "+path) {
		t.Fatalf("holding %v, log %s", first.Holding(), first.log)
	}
	second := open(t, address, dir)
	if second.Holding() || !strings.Contains(second.log.String(), "another instance at "+path) {
		t.Errorf("holding %v, log %s", second.Holding(), second.log)
	}
	first.connect(t).ask("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nsalut\r\n")
	if got := second.connect(t).ask("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"); got != "$5\r\nsalut\r\n" {
		t.Errorf("the second reads %q", got)
	}
	if conn, err := net.Dial("tcp", address); err == nil {
		_ = conn.Close()
		t.Error("something listens where every user of the machine gets")
	}
}

func TestRedis_StandsAsideForTheMachinesOwn(t *testing.T) {
	dir, address := shortDir(t), nowhere(t)
	_, port, _ := net.SplitHostPort(address)
	start := func() *exec.Cmd {
		cmd := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--loglevel", "warning")
		if err := cmd.Start(); err != nil {
			t.Fatal("redis-server is missing: apt-get install redis-server", err)
		}
		eventually(t, "redis-server answers", func() bool {
			_, who := ask(t.Context(), place{"tcp", address})
			return who == ownRedis
		})
		return cmd
	}
	cmd := start()
	one := open(t, address, dir)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if one.Holding() || !strings.Contains(one.log.String(), "using the Redis at "+address) {
		t.Fatalf("holding %v, log %s", one.Holding(), one.log)
	}
	// It looks several times while nobody is there, and must leave things alone.
	looks := 0
	eventually(t, "it looks", func() bool { looks++; return one.Holding() || looks > 300 })
	if one.Holding() {
		t.Error("it replaced a Redis that restarts")
	}
	cmd = start()
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if got := one.connect(t).ask(ping); got != "+PONG\r\n" {
		t.Errorf("the Redis that is back answers %q", got)
	}
}

func TestRedis_OneThatRunsGoesBeforeARedisThatAppearedLater(t *testing.T) {
	address, dir := nowhere(t), shortDir(t)
	first := open(t, address, dir)
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // that somebody listens is enough: nobody is to ask
	second := open(t, address, dir)
	if !first.Holding() || second.Holding() || second.at.Load().network != "unix" {
		t.Errorf("holding %v and %v; the second is at %v", first.Holding(), second.Holding(), second.at.Load())
	}
}

func TestRedis_SaysWhatAStrangerAtItsAddressMeans(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = conn.Close()
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	i := open(t, l.Addr().String(), shortDir(t))
	if i.Holding() || !strings.Contains(i.log.String(), "is not a Redis: set REDIS_URL") {
		t.Errorf("holding %v, log %s", i.Holding(), i.log)
	}
	if _, err := i.Dial(t.Context()); err == nil {
		t.Error("it connects to a stranger")
	}
}

func TestRedis_ManyAtOnceMakeOne(t *testing.T) {
	address, dir := nowhere(t), shortDir(t)
	all := make([]*instance, 8)
	var wg sync.WaitGroup
	for n := range all {
		wg.Go(func() { all[n] = open(t, address, dir) })
	}
	wg.Wait()
	holders := 0
	for _, i := range all {
		if i.Holding() {
			holders++
		}
		eventually(t, "each has found it", func() bool {
			conn, err := i.Dial(t.Context())
			if err == nil {
				_ = conn.Close()
			}
			return err == nil
		})
	}
	if holders != 1 {
		t.Errorf("%d hold it", holders)
	}
}

// What cleans temporary directories may remove the lock, the socket, or both.
func TestRedis_FilesRemovedFromUnderItMakeNoSecondOne(t *testing.T) {
	address, dir := nowhere(t), shortDir(t)
	first := open(t, address, dir)
	own := filepath.Join(dir, "causette")
	if err := os.Remove(filepath.Join(own, "lock")); err != nil {
		t.Fatal(err)
	}
	second := open(t, address, dir)
	if second.Holding() {
		t.Fatal("without the lock's file two hold it")
	}
	if err := os.Rename(own, own+"-removed"); err != nil { // at once: somebody may look meanwhile
		t.Fatal(err)
	}
	third := open(t, address, dir)
	eventually(t, "one holds it, and who held it knows", func() bool {
		return strings.Contains(first.log.String(), "socket was removed")
	})
	eventually(t, "all are at the same", func() bool {
		holders := 0
		for _, i := range []*instance{first, second, third} {
			if i.Holding() {
				holders++
			}
		}
		first.connect(t).ask("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n")
		return holders == 1 && third.connect(t).ask("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n") == "$1\r\nv\r\n"
	})
}
