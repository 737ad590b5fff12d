package load

// chunked takes the framing of HTTP/1.1's chunked coding out of a body, in
// whatever pieces it comes. The zero value is at a body's beginning; one that was
// not turned on leaves a body as it is.
type chunked struct {
	on    bool
	state chunkState
	left  int // bytes of the chunk still to come
}

type chunkState uint8

const (
	chunkSize      chunkState = iota // in the line before a chunk
	chunkExtension                   // behind a semicolon in it
	chunkData                        // in the chunk itself
	chunkEnd                         // in the line end behind it
)

// decode returns the content in p. It works in place: the result begins where p does.
func (c *chunked) decode(p []byte) []byte {
	if !c.on {
		return p
	}
	content := p[:0]
	for len(p) > 0 {
		if c.state != chunkData {
			c.frame(p[0])
			p = p[1:]
			continue
		}
		n := min(c.left, len(p))
		content = append(content, p[:n]...)
		p = p[n:]
		if c.left -= n; c.left == 0 {
			c.state = chunkEnd
		}
	}
	return content
}

// frame takes one byte of the framing. A size that is no number is one of a
// server that breaks HTTP: what comes of it is a marker that is torn.
func (c *chunked) frame(b byte) {
	switch {
	case b == '\n' && c.state == chunkEnd:
		c.state = chunkSize
	case b == '\n' && c.left > 0:
		c.state = chunkData
	case c.state == chunkSize && b == ';':
		c.state = chunkExtension
	case c.state == chunkSize && c.left < 1<<32:
		if digit, ok := hexDigit(b); ok {
			c.left = c.left<<4 | digit
		}
	}
}

func hexDigit(b byte) (int, bool) {
	switch {
	case '0' <= b && b <= '9':
		return int(b - '0'), true
	case 'a' <= b|0x20 && b|0x20 <= 'f':
		return int(b|0x20-'a') + 10, true
	}
	return 0, false
}
