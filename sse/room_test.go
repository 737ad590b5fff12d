package sse

import (
	"testing"
	"time"

	"causette/chat"
)

func TestPostedAt_ReadsTheTimeWithWhichAPayloadBegins(t *testing.T) {
	at := time.Date(2026, 11, 22, 21, 34, 30, 123_000_000, time.UTC)
	payload := chat.Message{At: chat.Instant{Time: at}, Author: chat.Person{ID: "p_1"}, Text: "salut"}.Payload()
	if got := postedAt(payload); got != at.UnixMilli() {
		t.Errorf("of %s: %d", payload, got)
	}
	for _, s := range []string{"", "{}", `{"at":"`, `{"at":"yesterday"}`, `{"text":"x","at":"2026-11-22T21:34:30Z"}`} {
		if got := postedAt([]byte(s)); got != 0 {
			t.Errorf("of %s: %d", s, got)
		}
	}
}

func TestRoom_ReplaceGivesNewReadersANewTail(t *testing.T) {
	r := newRoom(1<<20, NewMetrics(nil))
	r.Receive(message(5, 10))
	old, _, _ := r.now()
	r.Replace()
	r.Receive(message(900, 10))
	now, end, _ := r.now()
	newest, _ := now.newest()
	if !old.closed.Load() || now == old || end == 0 || newest.Seq != 900 {
		t.Errorf("the new tail ends at %d with %s", end, newest)
	}
	if newest, _ = old.newest(); newest.Seq != 5 {
		t.Error("the old tail goes on")
	}
}

func TestRoom_RemembersWhetherRedisIsAway(t *testing.T) {
	r := newRoom(1<<20, NewMetrics(nil))
	for _, down := range []bool{true, false, true} {
		r.Receive(chat.Event{Kind: chat.KindStatus, Data: []byte(map[bool]string{true: `{"redis":"down"}`, false: `{"redis":"up"}`}[down])})
		if _, _, got := r.now(); got != down {
			t.Errorf("down is %v, want %v", got, down)
		}
	}
}

func TestRoom_ForgetsTheSizeOfAHugeEvent(t *testing.T) {
	r := newRoom(1<<20, NewMetrics(nil))
	r.Receive(message(0, 200<<10))
	if cap(r.scratch) > maxSegment {
		t.Errorf("keeps %d bytes", cap(r.scratch))
	}
}

func BenchmarkRoom_Receive(b *testing.B) {
	r := newRoom(1<<20, NewMetrics(nil))
	e := message(0, 120)
	b.ReportAllocs()
	for b.Loop() {
		r.Receive(e)
		e.ID.Seq++
	}
}
