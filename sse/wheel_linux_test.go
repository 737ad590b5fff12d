package sse

import (
	"bytes"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestLoop_AFullSocketIsGivenTheWriteTimeout(t *testing.T) {
	h := newHand(t, Options{Heartbeat: time.Minute, WriteTimeout: 5 * time.Minute})
	r, client := h.join(t, h.entry, true)
	defer unix.Close(client)
	h.settle()
	begin := time.Now()
	for i := range 20 {
		h.room.Receive(message(int64(i), 1000))
	}
	h.settle()
	if !r.blocked {
		t.Fatal("it is not full")
	}
	for d := time.Duration(0); d < 5*time.Minute; d += time.Second {
		h.tick(begin.Add(d))
	}
	if r.gone {
		t.Fatal("ended before its time")
	}
	h.tick(begin.Add(5*time.Minute + 16*time.Second))
	if !r.gone {
		t.Error("goes on")
	}
}

func TestLoop_PingsAreOneAHeartbeatOfSilence(t *testing.T) {
	h := newHand(t, Options{Heartbeat: time.Minute})
	var clients []int
	for range 50 {
		_, client := h.join(t, h.entry, false)
		defer unix.Close(client)
		clients = append(clients, client)
	}
	h.settle()
	begin := time.Now()
	for s := range 61 * 10 {
		h.tick(begin.Add(time.Duration(s) * time.Second))
	}
	for _, c := range clients {
		got, _ := drink(t, c, 1<<20)
		if n := bytes.Count(got, []byte("event: ping")); n < 8 || n > 10 {
			t.Errorf("%d pings in ten minutes", n)
		}
	}
	h.tick(begin.Add(5 * time.Hour)) // it stood still
	for _, c := range clients {
		if got, _ := drink(t, c, 1<<20); bytes.Count(got, []byte("event: ping")) != 1 {
			t.Errorf("after hours: %q", got)
		}
	}
}

func TestWheel_GoesOnWhenItsCountOverflows(t *testing.T) {
	w := newWheel(64 * time.Second)
	defer w.ticker.Stop()
	now := w.begun
	w.n, w.now = 1, 1<<32-20
	w.begun = now.Add(-(1<<32 - 20) * time.Second)
	w.put(new(reader), 30)
	looked := 0
	for range 100 {
		now = now.Add(time.Second)
		w.turn(now, func(*reader) uint32 { looked++; return 30 })
	}
	if looked != 3 || w.n != 1 {
		t.Errorf("looked %d times in 100 ticks, %d readers", looked, w.n)
	}
	w.turn(now.Add(-time.Hour), func(*reader) uint32 { t.Error("looked at an earlier time"); return 1 })
}
