package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// maxHead bounds the head of a response, and any line of a chunked body.
const maxHead = 16 << 10

var errResponse = errors.New("not an HTTP/1.1 response")

// responses reads the responses that come back on one connection, in whatever
// pieces, and only counts them. The zero value is ready for the first.
type responses struct {
	held    []byte // an unfinished head or chunk line
	skip    int    // bytes of body still to come
	chunked bool   // inside a chunked body
	last    bool   // its last chunk has been announced
	status  int    // of the response that is being read

	firstRefusal int // the first status that was not 2xx; 0 if there was none
}

// feed takes what came, and reports how many responses it completed, and how
// many of those were not 2xx.
func (r *responses) feed(p []byte) (done, refused int, err error) {
	for {
		n := min(r.skip, len(p))
		p, r.skip = p[n:], r.skip-n
		if r.status != 0 && r.skip == 0 && !r.chunked {
			if done++; r.status < 200 || r.status > 299 {
				refused++
				if r.firstRefusal == 0 {
					r.firstRefusal = r.status
				}
			}
			r.status = 0
		}
		if len(p) == 0 {
			return done, refused, nil
		}
		if p, err = r.head(p); err != nil {
			return done, refused, err
		}
	}
}

// head takes the bytes up to the end of the next head or chunk line from p, and
// returns what follows them.
func (r *responses) head(p []byte) ([]byte, error) {
	end := "\r\n\r\n"
	if r.chunked {
		end = "\r\n"
	}
	before := len(r.held)
	r.held = append(r.held, p...)
	i := bytes.Index(r.held, []byte(end))
	if i < 0 {
		if len(r.held) > maxHead {
			return nil, fmt.Errorf("%w: no end in %d bytes", errResponse, len(r.held))
		}
		return nil, nil
	}
	line := r.held[:i]
	r.held = r.held[:0]
	rest := p[i+len(end)-before:]
	if r.chunked {
		return rest, r.chunk(line)
	}
	return rest, r.begin(line)
}

// begin reads a head.
func (r *responses) begin(head []byte) error {
	if len(head) < 12 || !bytes.HasPrefix(head, []byte("HTTP/1.1 ")) {
		return fmt.Errorf("%w: %.40q", errResponse, head)
	}
	status, err := strconv.Atoi(string(head[9:12]))
	if err != nil {
		return fmt.Errorf("%w: status %.40q", errResponse, head)
	}
	r.status, r.skip, r.chunked = status, 0, false
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if r.skip, err = strconv.Atoi(string(value)); err != nil || r.skip < 0 {
				return fmt.Errorf("%w: length %.40q", errResponse, value)
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			r.chunked, r.last = bytes.EqualFold(value, []byte("chunked")), false
		}
	}
	return nil
}

// chunk reads the line before a chunk, or the empty one that ends the body.
func (r *responses) chunk(line []byte) error {
	if r.last {
		if len(line) == 0 { // else it is a trailer
			r.chunked = false
		}
		return nil
	}
	size, _, _ := bytes.Cut(line, []byte(";"))
	n, err := strconv.ParseUint(string(bytes.TrimSpace(size)), 16, 31)
	if err != nil {
		return fmt.Errorf("%w: chunk of %.40q", errResponse, line)
	}
	if n == 0 {
		r.last = true
		return nil
	}
	r.skip = int(n) + len("\r\n")
	return nil
}
