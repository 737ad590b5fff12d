package chat

import "regexp"

// RoomID names a room. It appears in URLs, Redis keys and channel names, so it
// is 1 to 64 of a–z, 0–9, "-" and "_", beginning and ending with a letter or digit.
type RoomID string

// Lobby is the room where none is named.
const Lobby RoomID = "lobby"

var roomForm = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$`)

// ParseRoomID checks a room's name; the empty string means [Lobby]. A name of
// another form is an [*Invalid] with code "invalid_room".
func ParseRoomID(s string) (RoomID, error) {
	if s == "" {
		return Lobby, nil
	}
	if !roomForm.MatchString(s) {
		return "", &Invalid{
			Field: "room", Code: "invalid_room",
			Detail: "a room's name is 1 to 64 of a–z, 0–9, - and _, beginning and ending with a letter or digit",
		}
	}
	return RoomID(s), nil
}
