package sse

import (
	"strings"
	"testing"

	"causette/chat"
)

func TestTail_KnowsAPositionByItsEventOrItsSuccessor(t *testing.T) {
	tl := newTail(300)
	fill(tl, 0, 100, "abc.d") // keeps c . d
	id := func(seq int64) chat.EventID { return chat.EventID{Epoch: 1000, Seq: seq} }
	tests := map[string]struct {
		id   chat.EventID
		want string // what follows it; "?" is not known
	}{
		"its own newest":         {id(3), ""},
		"one in the tail":        {id(2), "d"},
		"just before the oldest": {id(1), "cd"},
		"older":                  {id(0), "?"},
		"in the future":          {id(4), "?"},
		"of another epoch":       {chat.EventID{Epoch: 999, Seq: 2}, "?"},
		"the beginning":          {chat.EventID{}, "?"},
	}
	for name, tt := range tests {
		pos, ok := tl.after(tt.id)
		got := "?"
		if ok {
			got = squeeze(all(t, tl, cursor{pos: pos, liveFrom: tl.end.Load()}), 100)
		}
		if got != tt.want {
			t.Errorf("%s: %q follows, want %q", name, got, tt.want)
		}
	}
}

// squeeze keeps one byte of each size.
func squeeze(s string, size int) string {
	var b strings.Builder
	for i := 0; i < len(s); i += size {
		b.WriteByte(s[i])
	}
	return b.String()
}

func TestTail_ANewEpochFollowsTheOldOne(t *testing.T) {
	tl := newTail(1 << 20)
	fill(tl, 56, 1, "ab") // 1000-56, 1000-57
	tl.append([]byte("c"), chat.EventID{Epoch: 2000, Seq: 0}, 0)
	for id, want := range map[chat.EventID]string{
		{Epoch: 1000, Seq: 56}: "bc",
		{Epoch: 1000, Seq: 57}: "c",
		{}:                     "c", // before the first event of the log there is now
		{Epoch: 2000, Seq: 0}:  "",
	} {
		pos, ok := tl.after(id)
		if !ok || all(t, tl, cursor{pos: pos, liveFrom: pos}) != want {
			t.Errorf("after %s: %d, %v", id, pos, ok)
		}
	}
}

func TestTail_KnowsItsNewestEvenIfOnlyLiveFramesAreLeft(t *testing.T) {
	tl := newTail(100)
	fill(tl, 7, 50, "a....")
	newest := chat.EventID{Epoch: 1000, Seq: 7}
	if got, known := tl.newest(); got != newest || !known {
		t.Errorf("newest is %s", got)
	}
	if pos, ok := tl.after(newest); !ok || pos != tl.end.Load() {
		t.Errorf("after it: %d, %v", pos, ok)
	}
}

func TestTail_PostedIsTheOldestMessageThatBeginsInTheRun(t *testing.T) {
	tl := newTail(1 << 20)
	tl.append([]byte("aaaa"), chat.EventID{Epoch: 1, Seq: 0}, 10)
	tl.append([]byte("...."), chat.EventID{}, 0)
	tl.append([]byte("bbbb"), chat.EventID{Epoch: 1, Seq: 1}, 20)
	for _, tt := range []struct{ from, to, want int64 }{
		{0, 12, 10}, {1, 12, 20}, {4, 12, 20}, {4, 8, 0}, {9, 12, 0}, {12, 12, 0}, {0, 4, 10},
	} {
		if got := tl.posted(tt.from, tt.to); got != tt.want {
			t.Errorf("[%d, %d): %d, want %d", tt.from, tt.to, got, tt.want)
		}
	}
}
