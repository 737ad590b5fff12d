package chat

import "strings"

// RoomID names a room. It appears in URLs, Redis keys and channel names, so it
// is 1 to 64 of a–z, 0–9, "-" and "_", beginning and ending with a letter or digit.
type RoomID string

// Lobby is the room where none is named.
const Lobby RoomID = "lobby"

const maxRoomID = 64 // bytes

// ParseRoomID checks a room's name; the empty string means [Lobby]. A name of
// another form is an [*Invalid] with code "invalid_room".
func ParseRoomID(s string) (RoomID, error) {
	if s == "" {
		return Lobby, nil
	}
	if len(s) > maxRoomID || strings.Trim(s, "-_") != s || strings.ContainsFunc(s, isForbiddenInRoom) {
		return "", &Invalid{
			Field: "room", Code: "invalid_room",
			Detail: "a room's name is 1 to 64 of a–z, 0–9, - and _, beginning and ending with a letter or digit",
		}
	}
	return RoomID(s), nil
}

func isForbiddenInRoom(r rune) bool { return !isWord(r) || 'A' <= r && r <= 'Z' }
