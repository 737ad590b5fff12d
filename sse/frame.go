package sse

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"causette/chat"
)

// AppendFrame appends e as one SSE event. A durable event has an id and no event
// line, so that a browser's onmessage gets it; a live-only one has an event line
// and no id, so that it never moves a reader's resume point.
//
// No byte in e can end the event early, begin another or change its id: each of
// CR, LF and CRLF in the data begins a new data line, which the reader joins
// again with LF, and NUL and invalid UTF-8 become U+FFFD. Every line begins with
// a field's name, so a byte order mark never stands first in a stream.
func AppendFrame(dst []byte, e chat.Event) []byte {
	if e.Durable() {
		dst = appendID(dst, e.ID)
	} else {
		dst = appendEventLine(dst, e.Kind)
	}
	dst = append(dst, "data: "...)
	from := len(dst)
	dst = e.AppendJSON(dst)
	if !isPlain(dst[from:]) {
		raw := bytes.Clone(dst[from:])
		dst = appendLines(dst[:from], raw)
	}
	return append(dst, "\n\n"...)
}

// isPlain reports that data can stand on one data line as it is.
func isPlain(data []byte) bool {
	return bytes.IndexByte(data, '\n') < 0 && bytes.IndexByte(data, '\r') < 0 &&
		bytes.IndexByte(data, 0) < 0 && utf8.Valid(data)
}

// appendLines appends data after a "data: ", cutting it at line ends.
func appendLines(dst, data []byte) []byte {
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		switch r {
		case '\r', '\n':
			if r == '\r' && len(data) > 1 && data[1] == '\n' {
				n = 2
			}
			dst = append(dst, "\ndata: "...)
		case 0:
			dst = utf8.AppendRune(dst, utf8.RuneError)
		default: // an invalid byte decodes as U+FFFD
			dst = utf8.AppendRune(dst, r)
		}
		data = data[n:]
	}
	return dst
}

func appendID(dst []byte, id chat.EventID) []byte {
	dst = append(dst, "id: "...)
	dst = id.Append(dst)
	return append(dst, '\n')
}

// appendEventLine names a live event. The kind comes over the wire from other
// instances, so it is not trusted to stay on its line.
func appendEventLine(dst []byte, kind chat.Kind) []byte {
	dst = append(dst, "event: "...)
	for _, r := range string(kind) {
		if r == '\n' || r == '\r' || r == 0 {
			r = utf8.RuneError
		}
		dst = utf8.AppendRune(dst, r)
	}
	return append(dst, '\n')
}

// hello is the data of the first event of a stream. The time between heartbeats
// is in seconds.
type hello struct {
	Resume       verdict     `json:"resume"`
	Room         chat.RoomID `json:"room"`
	You          chat.Person `json:"you"`
	Participants int         `json:"participants"`
	Named        int         `json:"named"`
	Heartbeat    float64     `json:"heartbeat"`
	Instance     string      `json:"instance"`
}

// appendHello appends the block that opens a stream: how long to wait before a
// reconnect, the id just before what follows, and the hello.
func appendHello(dst []byte, retry time.Duration, id chat.EventID, h hello) ([]byte, error) {
	data, err := json.Marshal(h)
	if err != nil {
		return dst, fmt.Errorf("encode hello: %w", err)
	}
	dst = appendRetry(dst, retry)
	dst = appendID(dst, id)
	return AppendFrame(dst, chat.Event{Kind: chat.KindHello, Data: data}), nil
}

// appendRetry says how long the reader waits before it reconnects.
func appendRetry(dst []byte, retry time.Duration) []byte {
	dst = append(dst, "retry: "...)
	dst = strconv.AppendInt(dst, retry.Milliseconds(), 10)
	return append(dst, '\n')
}

// appendPing appends a heartbeat: a named event, because script cannot see a
// comment.
func appendPing(dst []byte, now time.Time) []byte {
	dst = append(dst, "event: ping\ndata: {\"at\":"...)
	dst = now.UTC().AppendFormat(dst, `"2006-01-02T15:04:05.000Z"`)
	return append(dst, "}\n\n"...)
}

// appendBye appends the last words of a stream.
func appendBye(dst []byte, why reason, retry time.Duration) []byte {
	dst = appendRetry(dst, retry)
	dst = append(dst, "event: bye\ndata: {\"reason\":\""...)
	dst = append(dst, why...)
	return append(dst, "\"}\n\n"...)
}

// appendStatus tells one reader whether Redis can be reached.
func appendStatus(dst []byte, down bool) []byte {
	data := `{"redis":"up"}`
	if down {
		data = `{"redis":"down"}`
	}
	return AppendFrame(dst, chat.Event{Kind: chat.KindStatus, Data: []byte(data)})
}

// appendPresence tells one reader how many there are.
func appendPresence(dst []byte, p chat.Presence) []byte {
	dst = append(dst, "event: presence\ndata: {\"participants\":"...)
	dst = strconv.AppendInt(dst, int64(p.Participants), 10)
	dst = append(dst, ",\"named\":"...)
	dst = strconv.AppendInt(dst, int64(p.Named), 10)
	return append(dst, "}\n\n"...)
}
