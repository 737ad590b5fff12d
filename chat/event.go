package chat

import "bytes"

// Kind is what an event on the stream is. It is the SSE event name, except that
// a message has none, so that a browser's onmessage gets it.
type Kind string

// The kinds of event. Only a message is durable and has an [EventID]; the others
// are live only and never move a reader's resume point. Hello, ping and bye are
// made by the stream itself for one reader.
const (
	KindMessage  Kind = "message"
	KindNotice   Kind = "notice"   // Notice
	KindPresence Kind = "presence" // Presence
	KindTyping   Kind = "typing"   // Typing
	KindStatus   Kind = "status"   // Status
	KindRooms    Kind = "rooms"    // Rooms
	KindHello    Kind = "hello"
	KindPing     Kind = "ping"
	KindBye      Kind = "bye"
)

// Event is one entry of a room as the store hands it on and a stream sends it.
type Event struct {
	// ID is the place of a durable event in the log; zero for a live-only one.
	ID EventID
	// Kind is never empty.
	Kind Kind
	// Data is one JSON object. For a durable event it comes without its id,
	// as the log keeps it; [Event.AppendJSON] puts the id in.
	Data []byte
}

// Durable reports whether the event is in the log, and so has an id.
func (e Event) Durable() bool { return e.Kind == KindMessage }

// AppendJSON appends the event's JSON as readers get it: Data, with the id as
// the first member if the event is durable.
func (e Event) AppendJSON(b []byte) []byte {
	if !e.Durable() || len(e.Data) < 2 || e.Data[0] != '{' {
		return append(b, e.Data...)
	}
	b = append(b, `{"id":"`...)
	b = e.ID.Append(b)
	b = append(b, '"')
	members := bytes.TrimLeft(e.Data[1:], " \t\r\n")
	if !bytes.HasPrefix(members, []byte("}")) {
		b = append(b, ',')
	}
	return append(b, members...)
}

// Sink takes what happens in one room. The feed calls it, one call at a time
// and in the log's order; a Sink must not block.
type Sink interface {
	// Receive takes the next event. Durable events come without hole or double.
	Receive(Event)
	// Replace says that the log was lost or went back, so that what follows does
	// not continue what came before: readers must start anew.
	Replace()
}

// Notice is the data of a KindNotice event.
type Notice struct {
	Kind NoticeKind `json:"kind"`
	Who  Person     `json:"who"`
	// Was is the nickname before a rename.
	Was Nickname `json:"was,omitempty"`
	At  Instant  `json:"at"`
}

// NoticeKind is what a notice tells of somebody.
type NoticeKind string

// The kinds of notice.
const (
	NoticeJoin   NoticeKind = "join"
	NoticeLeave  NoticeKind = "leave"
	NoticeRename NoticeKind = "rename"
)

// Presence is the data of a KindPresence event: how many distinct sessions read
// the room, over all instances, and how many of them have a nickname.
type Presence struct {
	Participants int `json:"participants"`
	Named        int `json:"named"`
}

// Typing is the data of a KindTyping event.
type Typing struct {
	Who Person `json:"who"`
}

// Status is the data of a KindStatus event: "down" while this instance cannot
// reach Redis, "up" when it can again.
type Status struct {
	Redis string `json:"redis"`
}

// Rooms is the data of a KindRooms event: what changed in other rooms.
type Rooms struct {
	Rooms []RoomNews `json:"rooms"`
}

// RoomNews is how a room stands.
type RoomNews struct {
	Room         RoomID `json:"room"`
	Participants int    `json:"participants"`
	// LastID is the id of the newest message, zero if there is none.
	LastID EventID `json:"last_id"`
}

// Page is a run of a room's log, oldest event first.
type Page struct {
	Events []Event
	// Head is the id of the log's newest event at the time of reading, 0-0 if
	// the log is empty.
	Head EventID
	// Gap says that the position asked for is none of this log: older than what
	// it keeps, of a log that is no more, past its end, or past where the end of
	// its epoch was lost. Events is then empty.
	Gap bool
	// More says that the log has further events in the direction asked for.
	More bool
}
