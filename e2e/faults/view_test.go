package main

import (
	"fmt"
	"testing"
)

// told is one thing that a reader is shown, in a story, or a message accepted meanwhile.
type told struct {
	what string // hello, message, reloaded, accepted
	how  string // of a hello: its resume
	n    int    // of writer 0
	at   string
}

func TestView_SaysWhatIsWrong(t *testing.T) {
	said := func(n int, at string) told { return told{what: "message", n: n, at: at} }
	again := func(n int, at string) told { return told{what: "reloaded", n: n, at: at} }
	accept := func(n int, at string) told { return told{what: "accepted", n: n, at: at} }
	hello := func(how, at string) told { return told{what: "hello", how: how, at: at} }
	for _, test := range []struct {
		name     string
		accepted []string // ids of writer 0's messages, before the story
		story    []told
		want     findings
	}{
		{
			"nothing", []string{"1-0", "1-1", "1-2"},
			[]told{hello("fresh", "0-0"), said(0, "1-0"), hello("resumed", "1-0"), said(1, "1-1"), said(2, "1-2")},
			findings{},
		}, {
			"a hole", []string{"1-0", "1-1", "1-2"},
			[]told{hello("fresh", "0-0"), said(0, "1-0"), said(2, "1-2")},
			findings{lost: 1},
		}, {
			"the end is missing", []string{"1-0", "1-1", "1-2"},
			[]told{hello("fresh", "0-0"), said(0, "1-0")},
			findings{lost: 2},
		}, {
			"nothing came at all", []string{"1-0"},
			[]told{hello("fresh", "0-0")},
			findings{lost: 1},
		}, {
			"a double under the same id", []string{"1-0", "1-1"},
			[]told{hello("fresh", "0-0"), said(0, "1-0"), said(1, "1-1"), said(1, "1-1")},
			findings{doubled: 1},
		}, {
			"a double under another id", []string{"1-0", "1-1"},
			[]told{hello("fresh", "0-0"), said(0, "1-0"), said(0, "1-1"), said(1, "1-2")},
			findings{doubled: 1},
		}, {
			"two that changed places", []string{"1-0", "1-1", "1-2"},
			[]told{hello("fresh", "0-0"), said(0, "1-0"), said(2, "1-2"), said(1, "1-1")},
			findings{disordered: 1},
		}, {
			"a log that went back", []string{"1-0", "1-1", "1-1"},
			[]told{hello("fresh", "0-0"), said(0, "1-0"), said(1, "1-1"), said(2, "1-1")},
			findings{disordered: 1},
		}, {
			"a new log from its first message on", []string{"1-0", "2-0", "2-1"},
			[]told{hello("fresh", "0-0"), said(0, "1-0"), said(1, "2-0"), said(2, "2-1")},
			findings{},
		}, {
			"a new log from its second message on, and nobody said so", []string{"1-0", "2-0", "2-1"},
			[]told{hello("fresh", "0-0"), said(0, "1-0"), hello("resumed", "1-0"), said(2, "2-1")},
			findings{lost: 1},
		}, {
			"a gap, and what was missed was of the old log", []string{"1-0", "1-1", "2-0", "2-1"},
			[]told{hello("fresh", "0-0"), said(0, "1-0"), hello("gap", "0-0"), again(2, "2-0"), said(2, "2-0"), said(3, "2-1")},
			findings{gaps: 1, missedTold: 1},
		}, {
			"a gap, and the history has what was missed", []string{"1-0", "2-0", "2-1", "2-2"},
			[]told{hello("fresh", "0-0"), said(0, "1-0"), hello("gap", "2-1"), again(1, "2-0"), again(2, "2-1"), said(3, "2-2")},
			findings{gaps: 1},
		}, {
			"a gap, and a message of the new log is missing", []string{"1-0", "2-0", "2-1"},
			[]told{hello("fresh", "0-0"), said(0, "1-0"), hello("gap", "2-0"), said(2, "2-1")},
			findings{gaps: 1, lost: 1},
		}, {
			"a gap that brings again what was shown before it", []string{"1-0", "1-1", "1-2"},
			[]told{hello("fresh", "0-0"), said(0, "1-0"), said(1, "1-1"), hello("gap", "0-0"), again(0, "1-0"), again(1, "1-1"), said(0, "1-0"), said(1, "1-1"), said(2, "1-2")},
			findings{gaps: 1},
		}, {
			"a gap, and the new log is lost as well before its history is loaded", []string{"1-0", "2-0", "2-1", "3-0"},
			[]told{hello("fresh", "0-0"), said(0, "1-0"), hello("gap", "2-0"), said(2, "2-1"), hello("gap", "0-0"), again(3, "3-0"), said(3, "3-0")},
			findings{gaps: 2, missedTold: 1},
		}, {
			"a log that goes on in another epoch", []string{"1-0", "2-1", "2-2"},
			[]told{hello("fresh", "0-0"), said(0, "1-0"), said(1, "2-1"), said(2, "2-2")},
			findings{},
		}, {
			"a log that went back, and nobody said so", []string{"1-0", "1-1", "2-1"},
			[]told{hello("fresh", "0-0"), said(0, "1-0"), said(2, "2-1")},
			findings{lost: 1},
		}, {
			"a hole before a gap stays a hole", []string{"1-0", "1-1", "1-2", "2-0"},
			[]told{hello("fresh", "0-0"), said(0, "1-0"), said(2, "1-2"), hello("gap", "0-0"), again(3, "2-0"), said(3, "2-0")},
			findings{gaps: 1, lost: 1},
		}, {
			"a gap after which the stream begins with what is left, and what was lost had been shown", []string{"2-0", "1-1", "1-2", "2-1"},
			[]told{hello("fresh", "0-0"), said(0, "1-0"), said(1, "1-1"), said(2, "1-2"), hello("gap", "0-0"), said(0, "2-0"), said(3, "2-1")},
			findings{gaps: 1},
		}, {
			"a gap after which the stream begins with what is left, and what was lost had not been shown", []string{"2-0", "1-1", "1-2", "2-1"},
			[]told{hello("fresh", "0-0"), hello("gap", "0-0"), again(0, "2-0"), said(0, "2-0"), said(3, "2-1")},
			findings{gaps: 1, missedTold: 2},
		}, {
			"a gap does not tell of what is lost later", []string{"1-0", "2-0"},
			[]told{
				hello("fresh", "0-0"), said(0, "1-0"), hello("gap", "0-0"), again(1, "2-0"), said(1, "2-0"),
				accept(2, "1-9"), accept(3, "2-1"), said(3, "2-1"),
			},
			findings{gaps: 1, lost: 1},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLedger()
			log := map[post]position{} // Redis has what is of its last epoch
			accepted := func(n int, id string) {
				at := mustPosition(t, id)
				l.accept("r", post{0, n}, at)
				if at.epoch == test.accepted[len(test.accepted)-1][:1] {
					log[post{0, n}] = at
				}
			}
			for n, id := range test.accepted {
				accepted(n, id)
			}
			v := newView("r", l)
			for _, e := range test.story {
				at := mustPosition(t, e.at)
				switch e.what {
				case "accepted":
					accepted(e.n, e.at)
				case "hello":
					v.hello(e.how, at)
				case "message":
					v.message(post{0, e.n}, at)
				case "reloaded":
					v.reloaded(post{0, e.n}, at)
				}
			}
			got := v.verdict(log)
			got.shown, got.streams, got.examples, got.story = 0, 0, nil, nil
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("found %+v, want %+v", got, test.want)
			}
		})
	}
}

func mustPosition(t *testing.T, id string) position {
	t.Helper()
	at, err := parsePosition(id)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestLedger_NoticesAnIDThatMeansTwoMessages(t *testing.T) {
	l := newLedger()
	l.accept("r", post{0, 0}, position{"1", 0})
	l.mean("r", post{0, 0}, position{"1", 0})
	l.mean("other", post{1, 0}, position{"1", 0})
	if n := l.idsReused(); n != 0 {
		t.Fatalf("%d ids reused, want none: it is the same message, and another room", n)
	}
	l.mean("r", post{0, 1}, position{"1", 0})
	if n := l.idsReused(); n != 1 {
		t.Errorf("%d ids reused, want 1", n)
	}
}

func TestParsePost_ReadsTheNameAndNothingElse(t *testing.T) {
	if p, ok := parsePost(post{3, 17}.text(" padding")); !ok || p != (post{3, 17}) {
		t.Errorf("read %v, %t", p, ok)
	}
	for _, other := range []string{"", "hello", "w m", "3 17", "w3", "wx my", "m3 w17"} {
		if p, ok := parsePost(other); ok {
			t.Errorf("%q was read as %v", other, p)
		}
	}
}
