package store

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"causette/chat"
)

// recorder is a [chat.Sink] that keeps everything.
type recorder struct {
	mu     sync.Mutex
	events []chat.Event // guarded by mu; Replace is one of kind "replace"
	more   chan struct{}
}

func newRecorder() *recorder { return &recorder{more: make(chan struct{}, 1)} }

func (r *recorder) Receive(e chat.Event) {
	r.mu.Lock()
	r.events = append(r.events, e)
	r.mu.Unlock()
	select {
	case r.more <- struct{}{}:
	default:
	}
}

func (r *recorder) Replace() { r.Receive(chat.Event{Kind: "replace"}) }

func (r *recorder) all() []chat.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// of is what came of one kind.
func (r *recorder) of(kind chat.Kind) (list []chat.Event) {
	for _, e := range r.all() {
		if e.Kind == kind {
			list = append(list, e)
		}
	}
	return list
}

// texts is what the messages said, and "<replace>" for a Replace.
func (r *recorder) texts(t testing.TB) (list []string) {
	t.Helper()
	for _, e := range r.all() {
		switch e.Kind {
		case chat.KindMessage:
			list = append(list, textOf(t, e))
		case "replace":
			list = append(list, "<replace>")
		}
	}
	return list
}

// data is the data of what came of one kind.
func (r *recorder) data(kind chat.Kind) (list []string) {
	for _, e := range r.of(kind) {
		list = append(list, string(e.Data))
	}
	return list
}

// wait waits until what came is as wanted.
func (r *recorder) wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(soon)
	for !ok() {
		select {
		case <-r.more:
		case <-deadline:
			t.Fatalf("not within %s: %s; got %s", soon, what, summary(r.all()))
		}
	}
}

func summary(events []chat.Event) (s string) {
	for i, e := range events {
		if i == 40 {
			return s + fmt.Sprintf("… %d in all", len(events))
		}
		s += fmt.Sprintf("\n\t%s %s %s", e.Kind, e.ID, e.Data)
	}
	return s
}

func textOf(t testing.TB, e chat.Event) string {
	t.Helper()
	m, err := chat.ParseMessage(e)
	if err != nil {
		t.Fatal(err)
	}
	return string(m.Text)
}

func textsOf(t testing.TB, events []chat.Event) []string {
	t.Helper()
	list := []string{}
	for _, e := range events {
		list = append(list, textOf(t, e))
	}
	return list
}

// numbers is "from" to "to" as texts.
func numbers(from, to int) []string {
	list := []string{}
	for i := from; i <= to; i++ {
		list = append(list, strconv.Itoa(i))
	}
	return list
}

// contiguous fails unless the messages' ids have no hole and no double; epochs may change.
func contiguous(t testing.TB, events []chat.Event) {
	t.Helper()
	for i := 1; i < len(events); i++ {
		if !events[i-1].ID.Adjoins(events[i].ID) {
			t.Fatalf("%s is followed by %s", events[i-1].ID, events[i].ID)
		}
	}
}
