package sse

import (
	"fmt"
	"testing"
	"time"

	"causette/chat"

	"golang.org/x/sys/unix"
)

// BenchmarkLoop_Pass is one message to n readers on socket pairs: an append and
// the pass that writes it, the clients' reading apart. A process here may have
// 20,000 descriptors, so the largest is a little short of 10,000.
func BenchmarkLoop_Pass(b *testing.B) {
	for _, n := range []int{1, 100, 1000, 9900} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := newHand(b, Options{Heartbeat: 1000 * time.Hour})
			clients := make([]int, n)
			for i := range clients {
				_, clients[i] = h.join(b, h.entry, false)
			}
			h.settle()
			e, buf := message(0, 100), make([]byte, 64<<10)
			b.ReportAllocs()
			for b.Loop() {
				h.room.Receive(e)
				for h.advance() {
					continue
				}
				if e.ID.Seq++; e.ID.Seq%64 == 0 { // before their sockets are full
					b.StopTimer()
					for _, c := range clients {
						_, _ = unix.Read(c, buf)
					}
					b.StartTimer()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/delivery")
			for _, c := range clients {
				_ = unix.Close(c)
			}
		})
	}
}

// BenchmarkLoop_Append is what the feed pays for a message to a room that loops
// watch, none of whose readers is written to.
func BenchmarkLoop_Append(b *testing.B) {
	h := newHand(b, Options{Heartbeat: 1000 * time.Hour})
	_, client := h.join(b, h.entry, false)
	defer unix.Close(client)
	h.settle()
	e := message(0, 100)
	b.ReportAllocs()
	for b.Loop() {
		h.room.Receive(e)
		e.ID.Seq++
	}
}

// BenchmarkLoop_Attach is a reader that comes into the loop and leaves it, its
// socket pair included.
func BenchmarkLoop_Attach(b *testing.B) {
	h := newHand(b, Options{Heartbeat: 1000 * time.Hour})
	_, stays := h.join(b, h.entry, false)
	defer unix.Close(stays)
	b.ReportAllocs()
	for b.Loop() {
		r, client := h.join(b, h.entry, false)
		h.adopt()
		h.end(r, hangup)
		_ = unix.Close(client)
		h.wheel.turn(time.Now())
	}
}

// BenchmarkSend is the floor of a delivery: the system call alone, announced to
// the scheduler as write(2) is, and not announced.
func BenchmarkSend(b *testing.B) {
	for name, write := range map[string]func(fd int, p []byte) (int, error){
		"announced": unix.Write,
		"raw":       func(fd int, p []byte) (int, error) { return send(int32(fd), p) },
	} {
		b.Run(name, func(b *testing.B) {
			server, client := pair(b, false)
			defer unix.Close(client)
			defer unix.Close(server)
			frame, buf := AppendFrame(nil, message(0, 100)), make([]byte, 64<<10)
			i := 0
			for b.Loop() {
				_, _ = write(server, frame)
				if i++; i%64 == 0 {
					b.StopTimer()
					_, _ = unix.Read(client, buf)
					b.StartTimer()
				}
			}
		})
	}
}

// BenchmarkQuietRooms is a room of two readers, one of ten thousand: what it
// holds in memory, its tail of three messages included.
func BenchmarkQuietRooms(b *testing.B) {
	h := newHand(b, Options{Heartbeat: 1000 * time.Hour})
	b.ReportAllocs()
	rooms := make([]*entry, 0, 1000)
	for b.Loop() {
		r := newRoom(1<<20, h.o.Metrics)
		for i := range 3 {
			r.Receive(message(int64(i), 100))
		}
		e := &entry{id: chat.Lobby, room: r}
		g := &group{loop: h.loop, entry: e, tail: r.tail}
		r.tail.watch(g)
		if rooms = append(rooms, e); len(rooms) == cap(rooms) {
			rooms = rooms[:0]
		}
	}
}
