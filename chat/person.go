package chat

import "time"

// Person is somebody in a room: a session, or the author of a message. Nickname
// is empty for one who only reads.
type Person struct {
	ID       string   `json:"id"`
	Nickname Nickname `json:"nickname,omitempty"`
}

// SessionLife is how long a session lasts after it last took a nickname or
// opened a page.
const SessionLife = 30 * 24 * time.Hour
