package sse

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"

	"causette/chat"
)

// What a room costs whose reader says nothing and hears nothing: the tail, its
// place in the hub, and in this test the reader's goroutine. The bound has room
// for the race detector.
func TestRoom_AnEmptyOneCostsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rooms, most = 2000, 64 << 10 // bytes
		w := newWorld(t, Options{Log: quiet, MaxStreams: -1})
		heap := func() uint64 {
			synctest.Wait()
			runtime.GC()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc + m.StackInuse
		}
		before := heap()
		var clients []*client
		for n := range rooms {
			clients = append(clients, w.dial(t, Subscription{Room: chat.RoomID(fmt.Sprint("room", n))}))
		}
		each := (int64(heap()) - int64(before)) / rooms
		t.Logf("%d bytes a room and its reader", each)
		if each > most {
			t.Errorf("%d bytes, want at most %d", each, most)
		}
		for _, c := range clients {
			c.hangUp()
		}
		if open := w.openRooms(); open > maxLingering {
			t.Errorf("%d rooms are left", open)
		}
	})
}
