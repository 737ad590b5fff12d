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
		h.beatAt(begin.Add(d))
	}
	if r.gone {
		t.Fatal("ended before its time")
	}
	h.beatAt(begin.Add(5*time.Minute + 13*time.Second))
	if !r.gone {
		t.Error("goes on")
	}
}

// pings counts those that came to a client since the last time.
func pings(t *testing.T, client int) int {
	t.Helper()
	got, _ := drink(t, client, 1<<20)
	return bytes.Count(got, []byte("event: ping"))
}

func TestLoop_PingsAreOneAPeriodOfSilence(t *testing.T) {
	h := newHand(t, Options{Heartbeat: time.Minute})
	var clients []int
	for range 50 {
		_, client := h.join(t, h.entry, false)
		defer unix.Close(client)
		clients = append(clients, client)
	}
	h.settle()
	begin := time.Now()
	for s := range 48*10 + 1 {
		h.beatAt(begin.Add(time.Duration(s) * time.Second))
	}
	for _, c := range clients {
		if n := pings(t, c); n < 9 || n > 10 {
			t.Errorf("%d pings in ten periods", n)
		}
	}
	h.beatAt(begin.Add(5 * time.Hour)) // it stood still
	for _, c := range clients {
		if n := pings(t, c); n != 1 {
			t.Errorf("after hours: %d pings", n)
		}
	}
}

// A message that reaches everybody leaves each reader its own moment, and nobody
// waits for longer than a heartbeat.
func TestLoop_PingsAreSpreadWhateverIsSent(t *testing.T) {
	const n = 256
	h := newHand(t, Options{Heartbeat: time.Minute})
	var clients []int
	for range n {
		_, client := h.join(t, h.entry, false)
		defer unix.Close(client)
		clients = append(clients, client)
	}
	h.settle()
	begin := time.Now()
	last := make([]int, n)
	for s := range 300 {
		h.beatAt(begin.Add(time.Duration(s) * time.Second))
		if s == 100 {
			h.room.Receive(message(1, 10))
			h.settle()
		}
		pinged := 0
		for i, c := range clients {
			got, _ := drink(t, c, 1<<20)
			pinged += bytes.Count(got, []byte("event: ping"))
			if s-last[i] > 61 {
				t.Fatalf("%d s without a word", s-last[i])
			}
			if len(got) > 0 {
				last[i] = s
			}
		}
		if pinged > n/10 {
			t.Errorf("%d pings in second %d", pinged, s)
		}
	}
}

// A tick of many readers is looked at slice by slice.
func TestLoop_ManyPingsAreSlicedAndNoneIsLeftOut(t *testing.T) {
	h := newHand(t, Options{Heartbeat: time.Minute})
	h.slice = 3
	var clients []int
	for range 20 {
		_, client := h.join(t, h.entry, false)
		defer unix.Close(client)
		clients = append(clients, client)
	}
	h.settle()
	h.wheel.turn(time.Now().Add(time.Hour))
	turns := 1
	for h.beat() {
		turns++
	}
	if turns < len(clients)/h.slice {
		t.Errorf("%d turns", turns)
	}
	for _, c := range clients {
		if n := pings(t, c); n != 1 {
			t.Errorf("%d pings", n)
		}
	}
}

func TestWheel_GoesOnWhenItsCountOverflows(t *testing.T) {
	h := newHand(t, Options{Heartbeat: 40 * time.Second}) // a tick is a second
	now := time.Now()
	h.wheel.begun = now.Add(-(1<<32 - 20) * time.Second)
	_, client := h.join(t, h.entry, false)
	defer unix.Close(client)
	h.settle()
	for range 3 * periodTicks {
		now = now.Add(time.Second)
		h.beatAt(now)
	}
	if n := pings(t, client); n != 3 {
		t.Errorf("%d pings in three periods", n)
	}
	h.beatAt(now.Add(-time.Hour))
	if n := pings(t, client); n != 0 {
		t.Errorf("%d pings at an earlier time", n)
	}
}
