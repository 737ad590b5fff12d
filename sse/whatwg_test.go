package sse

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// sseEvent is an event as a browser would dispatch it.
type sseEvent struct {
	Type string // "message" where the stream names none
	Data string
	ID   string // the last event id at the time
}

// readSSE interprets a stream as the WHATWG HTML standard says, section 9.2.6,
// written from its text and sharing nothing with the code under test. It returns
// what was dispatched, the last event id and the reconnection time in ms (-1 if
// never set). An event without its blank line is not dispatched.
func readSSE(stream string) (events []sseEvent, lastID string, retry int) {
	retry = -1
	// "Streams must be decoded using the UTF-8 decode algorithm", which strips
	// one byte order mark and replaces what is invalid.
	if !utf8.ValidString(stream) {
		stream = string([]rune(stream))
	}
	stream = strings.TrimPrefix(stream, "\ufeff")

	var data, kind, idBuffer string
	for len(stream) > 0 {
		end := strings.IndexAny(stream, "\r\n")
		if end < 0 {
			break // an incomplete line is discarded with its event
		}
		line, rest := stream[:end], stream[end+1:]
		if stream[end] == '\r' && strings.HasPrefix(rest, "\n") {
			rest = rest[1:]
		}
		stream = rest

		if line == "" {
			lastID = idBuffer
			if data == "" {
				kind = ""
				continue
			}
			e := sseEvent{Type: "message", Data: strings.TrimSuffix(data, "\n"), ID: lastID}
			if kind != "" {
				e.Type = kind
			}
			events = append(events, e)
			data, kind = "", ""
			continue
		}
		if strings.HasPrefix(line, ":") {
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			kind = value
		case "data":
			data += value + "\n"
		case "id":
			if !strings.Contains(value, "\x00") {
				idBuffer = value
			}
		case "retry":
			if strings.Trim(value, "0123456789") == "" && value != "" {
				retry, _ = strconv.Atoi(value)
			}
		}
	}
	return events, lastID, retry
}
