package systems

import (
	"strings"

	"causette/bench/load"
)

// nickname is who speaks.
const nickname = "bench"

// text is what is said: a marker, and filler up to 70 characters, which make an
// event of Causette's 245 bytes long on the wire. A server that says less around
// it is given that much more to say, so that all write the same bytes.
func text(more int) string {
	return load.MarkerSlot + strings.Repeat("x", 70+more-len(load.MarkerSlot))
}

// said is the body of a post, as Causette and the servers written like it take it.
func said(more int) string {
	return `{"room":"` + load.RoomSlot + `","nickname":"` + nickname + `","text":"` + text(more) + `","nonce":"` + load.NonceSlot + `"}`
}

// event is the payload for servers that pass on what they are given. Causette's
// event has this, and its id.
func event(more int) string {
	return `{"at":"2026-11-22T21:34:30.123Z","author":{"id":"g_abcdefghijkl","nickname":"` + nickname +
		`"},"text":"` + text(more) + `","nonce":"` + load.NonceSlot + `"}`
}

// frame is a whole event of Causette's, as it stands on the wire.
func frame() string {
	return "id: 1795383673803-57\ndata: " + `{"id":"1795383673803-57",` + event(0)[1:] + "\n\n"
}

// reader waits for the words that a stream begins with.
func reader(request []byte, first string) load.Reader {
	return load.Reader{Request: request, Steps: []load.Step{{Await: []byte(first)}}}
}

const eventStream = "Accept: text/event-stream"
