package sse

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"causette/chat"
)

var someID = chat.EventID{Epoch: 1795383673803, Seq: 57}

func TestAppendFrame_WritesTheBytesOfTheContract(t *testing.T) {
	tests := map[string]struct {
		event chat.Event
		want  string
	}{
		"a message has an id and no event line": {
			chat.Event{ID: someID, Kind: chat.KindMessage, Data: []byte(`{"at":"2026-11-22T21:34:30.123Z","text":"salut"}`)},
			"id: 1795383673803-57\ndata: {\"id\":\"1795383673803-57\",\"at\":\"2026-11-22T21:34:30.123Z\",\"text\":\"salut\"}\n\n",
		},
		"a live event has a name and no id": {
			chat.Event{Kind: chat.KindTyping, Data: []byte(`{"who":{"id":"p_1"}}`)},
			"event: typing\ndata: {\"who\":{\"id\":\"p_1\"}}\n\n",
		},
		"LF, CR and CRLF each begin a data line": {
			chat.Event{Kind: "x", Data: []byte("a\nb\rc\r\nd\n\re")},
			"event: x\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \ndata: e\n\n",
		},
		"a line end at the end": {
			chat.Event{Kind: "x", Data: []byte("a\r\n")},
			"event: x\ndata: a\ndata: \n\n",
		},
		"NUL and invalid UTF-8 become U+FFFD": {
			chat.Event{Kind: "x", Data: []byte("a\x00b\xff\xc3c")},
			"event: x\ndata: a\ufffdb\ufffd\ufffdc\n\n",
		},
		"a byte order mark stays inside its line": {
			chat.Event{Kind: "x", Data: []byte("\ufeffa")},
			"event: x\ndata: \ufeffa\n\n",
		},
		"a kind cannot leave its line": {
			chat.Event{Kind: "x\n\nid: 9\r\x00", Data: []byte("a")},
			"event: x\ufffd\ufffdid: 9\ufffd\ufffd\ndata: a\n\n",
		},
		"no data at all": {
			chat.Event{Kind: "x"},
			"event: x\ndata: \n\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := string(AppendFrame([]byte("before"), tt.event)); got != "before"+tt.want {
				t.Errorf("got  %q\nwant %q", got, "before"+tt.want)
			}
		})
	}
}

func TestControlFrames_WriteTheBytesOfTheContract(t *testing.T) {
	at := time.Date(2026, 11, 22, 22, 34, 30, 123_456_789, time.FixedZone("", 3600))
	first, err := appendHello(nil, 1500*time.Millisecond, someID, hello{
		Resume: resumed, Room: chat.Lobby, You: chat.Person{ID: "p_1", Nickname: "ana"},
		Participants: 12, Named: 10, Heartbeat: 15, Instance: "one",
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ got, want string }{
		"hello": {string(first), "retry: 1500\nid: 1795383673803-57\nevent: hello\ndata: " +
			`{"resume":"resumed","room":"lobby","you":{"id":"p_1","nickname":"ana"},"participants":12,"named":10,"heartbeat":15,"instance":"one"}` + "\n\n"},
		"ping":     {string(appendPing(nil, at)), "event: ping\ndata: {\"at\":\"2026-11-22T21:34:30.123Z\"}\n\n"},
		"bye":      {string(appendBye(nil, slow, 2*time.Second)), "retry: 2000\nevent: bye\ndata: {\"reason\":\"slow\"}\n\n"},
		"down":     {string(appendStatus(nil, true)), "event: status\ndata: {\"redis\":\"down\"}\n\n"},
		"up":       {string(appendStatus(nil, false)), "event: status\ndata: {\"redis\":\"up\"}\n\n"},
		"presence": {string(appendPresence(nil, chat.Presence{Participants: 3, Named: 2})), "event: presence\ndata: {\"participants\":3,\"named\":2}\n\n"},
	}
	for name, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: got %q\nwant %q", name, tt.got, tt.want)
		}
	}
}

func TestHello_BeforeARoomsFirstMessageHasTheIDZero(t *testing.T) {
	b, err := appendHello(nil, time.Second, chat.EventID{}, hello{})
	if err != nil || !bytes.Contains(b, []byte("\nid: 0-0\n")) {
		t.Errorf("got %q, %v", b, err)
	}
}

func FuzzAppendFrame_CannotBeBroken(f *testing.F) {
	f.Add("message", []byte(`{"text":"salut"}`))
	f.Add("typing", []byte("a\r\n\r\nid: 1-1\n\ndata: b"))
	f.Add("\ufeff\x00", []byte("\ufeff\xff\x00\r"))
	f.Add("", []byte{})
	f.Add("x", []byte("\n"))
	f.Fuzz(func(t *testing.T, kind string, data []byte) {
		e := chat.Event{Kind: chat.Kind(kind), Data: data}
		if e.Durable() {
			e.ID = someID
		}
		before := AppendFrame(nil, chat.Event{ID: chat.EventID{Epoch: 7}, Kind: chat.KindMessage, Data: []byte(`{}`)})
		stream := AppendFrame(before, e)
		if !utf8.Valid(stream) || bytes.IndexByte(stream, 0) >= 0 {
			t.Fatalf("%q is not text", stream)
		}
		events, lastID, retry := readSSE(string(stream))
		if len(events) != 2 || retry != -1 {
			t.Fatalf("%q: %d events, retry %d", stream, len(events), retry)
		}
		want := sseEvent{Type: legible(kind), Data: legibleLines(string(e.AppendJSON(nil))), ID: "7-0"}
		if want.Type == "" || e.Durable() {
			want.Type = "message"
		}
		if e.Durable() {
			want.ID = someID.String()
		}
		if events[1] != want || lastID != want.ID {
			t.Fatalf("%q reads as %+v, want %+v", stream, events[1], want)
		}
	})
}

// legible is s as one line of text can carry it.
func legible(s string) string {
	return strings.NewReplacer("\n", "\ufffd", "\r", "\ufffd", "\x00", "\ufffd").Replace(string([]rune(s)))
}

// legibleLines is s as lines of text can carry it.
func legibleLines(s string) string {
	return strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\ufffd").Replace(string([]rune(s)))
}

func BenchmarkAppendFrame(b *testing.B) {
	e := message(57, 120)
	dst := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendFrame(dst[:0], e)
	}
	b.SetBytes(int64(len(dst)))
}
