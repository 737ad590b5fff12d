package sse

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"causette/chat"
)

// FuzzStream_ALastEventIDResumesOrIsAGap comes to a room of 200 messages, whose
// first 20 its log has forgotten and whose tail has the last 100, with any id.
func FuzzStream_ALastEventIDResumesOrIsAGap(f *testing.F) {
	for _, s := range []string{
		"1000-199", "1000-200", "1000-150", "1000-21", "1000-20", "1000-19", "1000-18", "1000-0", "0-0", "1000-057", "+1000-57",
		"1000-57\r\nid: 1000-60", "1000-57\x00", "900-57", "9223372036854775807-9223372036854775807", "1000--1", " 1000-57", "１000-57",
	} {
		f.Add(s, 3)
	}
	known := regexp.MustCompile(`^1000-(19|[2-9][0-9]|1[0-9][0-9])$`)
	f.Fuzz(func(t *testing.T, id string, history int) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{Log: quiet})
			said := w.log.say(chat.Lobby, 200)
			w.log.trim(chat.Lobby, 180)
			c := w.connect(t, Subscription{LastEventID: id, History: history})
			got := c.news()
			hello, at, _ := readSSE(strings.SplitAfterN(c.raw(), "\n\n", 2)[0])
			verdict, after := gap, 200-min(max(history, 0), 200)-1
			switch {
			case id == "":
				verdict = fresh
			case known.MatchString(id):
				verdict, after = resumed, 0
				for said[after] != id {
					after++
				}
			}
			if verdict != resumed && after < 19 {
				after = 200 - openLoad - 1 // what the tail has must do
			}
			if len(hello) != 1 || at != said[after] || len(got) == 0 || got[0] != helloOf(verdict, 1) {
				t.Fatalf("%q is greeted with %+v, want %s behind %s", id, hello, verdict, said[after])
			}
			expect(t, "messages after "+at, got[1:], said[after+1:])
		})
	})
}
