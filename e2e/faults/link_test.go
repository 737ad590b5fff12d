package main

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// echo accepts connections and sends back what comes.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); _ = conn.Close() }()
		}
	}()
	return listener.Addr().String()
}

func openLink(t *testing.T, targets ...string) *link {
	t.Helper()
	l, err := newLink(t.Context(), 0, targets...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	return l
}

func dialLink(t *testing.T, l *link) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", l.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

// ask sends a word and reads it back.
func ask(conn net.Conn, word string) error {
	if _, err := conn.Write([]byte(word)); err != nil {
		return err
	}
	answer := make([]byte, len(word))
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	if string(answer) != word {
		return errors.New("another word came back: " + string(answer))
	}
	return nil
}

func TestLink_GoesRoundTheTargetsThatAnswer(t *testing.T) {
	gone := echo(t)
	l := openLink(t, "127.0.0.1:1", gone)
	for range 3 {
		if err := ask(dialLink(t, l), "hello"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLink_CutEndsWhatIsOpenAndTakenDownAlsoWhatComes(t *testing.T) {
	l := openLink(t, echo(t))
	conn := dialLink(t, l)
	if err := ask(conn, "hello"); err != nil {
		t.Fatal(err)
	}
	l.cut()
	if err := ask(conn, "hello"); err == nil {
		t.Error("the connection survived the cut")
	}
	if err := ask(dialLink(t, l), "hello"); err != nil {
		t.Error("after the cut:", err)
	}
	l.takeDown()
	if conn, err := net.Dial("tcp", l.address()); err == nil { // the reset may come even sooner
		if err := ask(conn, "hello"); err == nil {
			t.Error("a link that is down passed on")
		}
		_ = conn.Close()
	}
	l.heal()
	if err := ask(dialLink(t, l), "hello"); err != nil {
		t.Error("after it was healed:", err)
	}
}

func TestLink_AStalledOnePassesNothingOnUntilItIsHealed(t *testing.T) {
	l := openLink(t, echo(t))
	conn := dialLink(t, l)
	if err := ask(conn, "hello"); err != nil {
		t.Fatal(err)
	}
	l.stall()
	if _, err := conn.Write([]byte("late")); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a stalled link passed something on, or ended: %v", err)
	}
	l.heal()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer := make([]byte, 4)
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "late" {
		t.Errorf("after it was healed came %q, %v", answer, err)
	}
}

func TestLink_IsAsSlowAsItIsTold(t *testing.T) {
	l := openLink(t, echo(t))
	conn := dialLink(t, l)
	l.slow(30*time.Millisecond, 100)
	begun := time.Now()
	if err := ask(conn, "0123456789"); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took < 160*time.Millisecond { // two delays and ten bytes
		t.Errorf("it took %s", took)
	}
}

func TestLink_HealedItIsSlowNoMoreWithWhatItHolds(t *testing.T) {
	l := openLink(t, echo(t))
	conn := dialLink(t, l)
	if err := ask(conn, "hello"); err != nil { // it now waits for what comes next
		t.Fatal(err)
	}
	l.slow(0, 10)
	word := strings.Repeat("x", 10_000)
	if _, err := io.WriteString(conn, word); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	l.heal()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadFull(conn, make([]byte, len(word)-1)); err != nil {
		t.Error("after it was healed:", err)
	}
}
