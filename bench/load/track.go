package load

// track is what one reader has seen of its room: the number it expects next,
// and which of the 64 before it came. A reader that connects late starts at the
// room's next number, with all earlier ones taken as seen.
type track struct {
	next uint32
	seen uint64 // bit i: number next-1-i was seen
}

func trackFrom(next uint32) track { return track{next: next, seen: ^uint64(0)} }

// arrival is what a message was to its reader.
type arrival int

const (
	inOrder arrival = iota // newer than all before it, perhaps behind a hole
	late                   // filled a hole: it came out of order
	double                 // came before
)

// see takes note of a message. One so old that nobody remembers it is late: it
// may be a double, but nothing here may call a message complete that was not.
func (t *track) see(number uint32) arrival {
	if number >= t.next {
		shift := number - t.next + 1
		t.next = number + 1
		t.seen = t.seen<<shift | 1 // a shift of 64 or more leaves 0
		return inOrder
	}
	age := t.next - 1 - number
	if age >= 64 {
		return late
	}
	if t.seen&(1<<age) != 0 {
		return double
	}
	t.seen |= 1 << age
	return late
}
