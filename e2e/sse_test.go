//go:build linux

package e2e

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// event is one event as an EventSource would dispatch it.
type event struct {
	name string // "message" where the stream names none
	id   string // the last event id at the time, which this event may have set
	data string
}

// parser reads an event stream as the WHATWG HTML standard says
// ("Interpreting an event stream"). It keeps what an EventSource keeps: the
// last event id and the reconnection time.
type parser struct {
	r       *bufio.Reader
	started bool
	sawCR   bool // the next byte may be the LF of a CR LF

	lastID string
	retry  string // as it stood on the wire; "" before the first
}

var errLineTooLong = errors.New("a line of the stream is longer than 1 MiB")

// next is the next event. A block that the stream's end cuts off is none.
func (p *parser) next() (event, error) {
	var name, id string
	var data []string
	hasID := false
	for {
		line, err := p.line()
		if err != nil {
			return event{}, err
		}
		if line == "" {
			if hasID {
				p.lastID = id
			}
			if data != nil {
				if name == "" {
					name = "message"
				}
				return event{name: name, id: p.lastID, data: strings.Join(data, "\n")}, nil
			}
			name, hasID = "", false
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			name = value
		case "data":
			data = append(data, value)
		case "id":
			if !strings.Contains(value, "\x00") {
				id, hasID = value, true
			}
		case "retry":
			if value != "" && strings.Trim(value, "0123456789") == "" {
				p.retry = value
			}
		}
	}
}

// line reads to the next CR, LF or CR LF, without waiting for what follows a CR.
func (p *parser) line() (string, error) {
	if !p.started {
		p.started = true
		if bom, err := p.r.Peek(3); err == nil && string(bom) == "\ufeff" {
			_, _ = p.r.Discard(3)
		}
	}
	var line []byte
	for len(line) < 1<<20 {
		c, err := p.r.ReadByte()
		if err != nil {
			return "", err
		}
		afterCR := p.sawCR
		p.sawCR = c == '\r'
		switch {
		case c == '\n' && afterCR:
		case c == '\n' || c == '\r':
			return string(line), nil
		default:
			line = append(line, c)
		}
	}
	return "", errLineTooLong
}

func TestParser_ReadsAStreamAsTheStandardSays(t *testing.T) {
	tests := []struct {
		name, stream string
		want         []event
		lastID       string
	}{
		{"a message", "data: a\n\n", []event{{"message", "", "a"}}, ""},
		{"two lines of data", "data: a\ndata: b\n\n", []event{{"message", "", "a\nb"}}, ""},
		{"every line end", "data: a\r\rdata: b\r\n\r\ndata: c\n\n", []event{{"message", "", "a"}, {"message", "", "b"}, {"message", "", "c"}}, ""},
		{"only one space is cut", "data:  a\ndata:b\n\n", []event{{"message", "", " a\nb"}}, ""},
		{"comments and unknown fields", ": hi\nfoo: 1\ndata: a\n\n", []event{{"message", "", "a"}}, ""},
		{"a byte order mark", "\ufeffdata: a\n\n", []event{{"message", "", "a"}}, ""},
		{"an id stays", "id: 7\ndata: a\n\nevent: ping\ndata: b\n\n", []event{{"message", "7", "a"}, {"ping", "7", "b"}}, "7"},
		{"an id without data", "id: 7\n\n", nil, "7"},
		{"an id with NUL", "id: 7\x00\ndata: a\n\n", []event{{"message", "", "a"}}, ""},
		{"empty data", "data\n\n", []event{{"message", "", ""}}, ""},
		{"an unfinished block", "id: 7\ndata: a\n", nil, ""},
		{"a name without data is forgotten", "event: x\n\ndata: a\n\n", []event{{"message", "", "a"}}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := &parser{r: bufio.NewReader(strings.NewReader(test.stream))}
			var got []event
			for {
				e, err := p.next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, e)
			}
			if !slices.Equal(got, test.want) || p.lastID != test.lastID {
				t.Errorf("got %q, last id %q; want %q, %q", got, p.lastID, test.want, test.lastID)
			}
		})
	}
}

func TestParser_KeepsTheReconnectionTime(t *testing.T) {
	p := &parser{r: bufio.NewReader(strings.NewReader("retry: 1234\n\nretry: soon\ndata: a\n\n"))}
	if _, err := p.next(); err != nil || p.retry != "1234" {
		t.Errorf("retry %q, error %v", p.retry, err)
	}
}
