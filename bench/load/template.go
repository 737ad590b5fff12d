package load

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
)

// Slots of a template besides [MarkerSlot]: the room's name, and a nonce that
// differs between any two requests of a run. What fills a slot has its length, so
// a template's Content-Length is right for all that is made of it.
const (
	RoomSlot  = "@@room@"
	NonceSlot = "@@nonce@@@@@@@@@"
)

// Room is the name of room number n.
func Room(n int) string { return fmt.Sprintf("r%06d", n) }

// Post is a request template: an HTTP/1.1 POST with a body, over a connection
// that stays. Headers are whole lines, without their ends.
func Post(path, contentType, body string, headers ...string) []byte {
	b := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\n", path, contentType)
	for _, line := range headers {
		b = append(append(b, line...), "\r\n"...)
	}
	return append(append(b, "Content-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"...), body...)
}

// Get is a request template for a stream.
func Get(path string, headers ...string) []byte {
	b := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", path)
	for _, line := range headers {
		b = append(append(b, line...), "\r\n"...)
	}
	return append(b, "\r\n"...)
}

// template is a request to be sent many times, with its slots filled anew.
type template struct {
	bytes  []byte
	marker []int // where each kind of slot begins
	room   []int
	nonce  []int
}

func newTemplate(request []byte) *template {
	t := &template{bytes: slices.Clone(request)}
	t.marker = slots(request, MarkerSlot)
	t.room = slots(request, RoomSlot)
	t.nonce = slots(request, NonceSlot)
	return t
}

func slots(p []byte, slot string) (at []int) {
	for from := 0; ; {
		i := bytes.Index(p[from:], []byte(slot))
		if i < 0 {
			return at
		}
		at = append(at, from+i)
		from += i + len(slot)
	}
}

// fill makes the request. It is good until the next fill.
func (t *template) fill(room int, number uint32, sent int64, nonce uint64) []byte {
	for _, i := range t.marker {
		putMarker(t.bytes[i:i+len(MarkerSlot)], number, sent)
	}
	for _, i := range t.room {
		t.bytes[i] = 'r'
		putDigits(t.bytes[i+1:i+len(RoomSlot)], int64(room))
	}
	for _, i := range t.nonce {
		t.bytes[i] = 'n'
		putDigits(t.bytes[i+1:i+len(NonceSlot)], int64(nonce))
	}
	return t.bytes
}
