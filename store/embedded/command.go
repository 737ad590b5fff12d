package embedded

import (
	"bufio"
	"errors"
	"io"
	"net"
	"time"
)

// What one command may be. Causette's largest is a group of posts (256 KiB) or a chunk of
// channels (500).
const (
	maxArguments = 1 << 14
	maxCommand   = 1 << 20 // bytes of its arguments
	// commandTimeout is how long a command may be under way once its first byte came.
	commandTimeout = 10 * time.Second
	// atOnce is up to how many bytes of an argument are made room for before they come.
	atOnce = 64 << 10
)

var (
	errMalformed = errors.New("not an array of bulk strings")
	errTooLarge  = errors.New("too many arguments or bytes")
)

// commandReader reads what clients send: arrays of one or more bulk strings, of the
// exact form *N\r\n$len\r\n…\r\n. miniredis would read more, and index what is not there.
type commandReader struct {
	conn net.Conn
	buf  *bufio.Reader
}

// newCommandReader makes one that calls flush before it waits for more: the answers to
// commands that came together go together.
func newCommandReader(conn net.Conn, flush func()) *commandReader {
	return &commandReader{conn: conn, buf: bufio.NewReader(flushing{conn, flush})}
}

type flushing struct {
	io.Reader
	flush func()
}

func (f flushing) Read(b []byte) (int, error) {
	f.flush()
	return f.Reader.Read(b)
}

// next waits for a command, for as long as it takes to begin. It returns a name and its
// arguments: never an empty slice.
func (c *commandReader) next() ([]string, error) {
	if _, err := c.buf.Peek(1); err != nil {
		return nil, err
	}
	if err := c.conn.SetReadDeadline(time.Now().Add(commandTimeout)); err != nil {
		return nil, err
	}
	args, err := c.command()
	if err != nil {
		return nil, err
	}
	return args, c.conn.SetReadDeadline(time.Time{})
}

func (c *commandReader) command() ([]string, error) {
	n, err := c.length('*', maxArguments)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, errMalformed
	}
	args := make([]string, 0, min(n, 64))
	left := maxCommand
	for range n {
		size, err := c.length('$', left)
		if err != nil {
			return nil, err
		}
		left -= size
		arg, err := c.bulk(size)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	return args, nil
}

// length reads a kind, a decimal number and the end of its line.
func (c *commandReader) length(kind byte, most int) (n int, err error) {
	b, err := c.buf.ReadByte()
	if err != nil {
		return 0, err
	}
	if b != kind {
		return 0, errMalformed
	}
	for digits := 0; ; digits++ {
		if b, err = c.buf.ReadByte(); err != nil {
			return 0, err
		}
		if b == '\r' && digits > 0 {
			break
		}
		if b < '0' || b > '9' || digits > 0 && n == 0 { // 0 is not written 00
			return 0, errMalformed
		}
		if n = 10*n + int(b-'0'); n > most {
			return 0, errTooLarge
		}
	}
	if b, err = c.buf.ReadByte(); err == nil && b != '\n' {
		err = errMalformed
	}
	return n, err
}

// bulk reads size bytes and the end of their line. Room is made as they come, so that
// what is only announced costs little.
func (c *commandReader) bulk(size int) (string, error) {
	var arg []byte
	for len(arg) < size {
		from := len(arg)
		arg = append(arg, make([]byte, min(size-from, atOnce))...)
		if _, err := io.ReadFull(c.buf, arg[from:]); err != nil {
			return "", err
		}
	}
	var end [2]byte
	if _, err := io.ReadFull(c.buf, end[:]); err != nil {
		return "", err
	}
	if end != [2]byte{'\r', '\n'} {
		return "", errMalformed
	}
	return string(arg), nil
}
