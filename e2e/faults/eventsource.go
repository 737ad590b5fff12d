package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// event is one event as an EventSource dispatches it.
type event struct {
	name string // "message" where the stream names none
	id   string // the last event id at the time
	data string
}

// parser reads an event stream as the WHATWG HTML standard says ("9.2.6
// Interpreting an event stream"). It keeps what an EventSource keeps: the last
// event id and the reconnection time.
type parser struct {
	r *bufio.Reader

	lastID string
	retry  time.Duration // of the stream; zero before it has said any

	begun, sawCR bool
}

var errLineTooLong = errors.New("a line of the stream is longer than 1 MiB")

// next is the next event. A block that the stream's end cuts off is none.
func (p *parser) next() (event, error) {
	var name string
	var data []string
	id := p.lastID
	for {
		line, err := p.line()
		if err != nil {
			return event{}, err
		}
		if line == "" {
			p.lastID = id
			if data != nil {
				return event{name: cmp.Or(name, "message"), id: id, data: strings.Join(data, "\n")}, nil
			}
			name = ""
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
				id = value
			}
		case "retry":
			if ms, err := strconv.ParseUint(value, 10, 31); err == nil {
				p.retry = time.Duration(ms) * time.Millisecond
			}
		}
	}
}

// line reads to the next CR, LF or CR LF, without waiting for what follows a CR.
func (p *parser) line() (string, error) {
	if !p.begun {
		p.begun = true
		if mark, err := p.r.Peek(3); err == nil && string(mark) == "\ufeff" {
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

// eventSource is an EventSource in Go: nothing but what the standard says, and the
// watch for silence that docs/protocol.md advises.
type eventSource struct {
	urls   []string // tried in this order at every connection, as a balancer does
	header http.Header
	client *http.Client
	// watch is how long nothing may come until the connection is taken for dead; 0 = for ever.
	watch time.Duration
}

var (
	errGaveUp   = errors.New("an EventSource gives up for good on that")
	errNoAnswer = errors.New("no answer")
)

// run reads until ctx ends, connecting again whenever the connection ends. It
// hands on each event, and each end of a stream as an event named "error". It
// returns nil at ctx's end, or what no EventSource gets over.
func (s *eventSource) run(ctx context.Context, take func(event)) error {
	lastID, retry := "", time.Second
	for ctx.Err() == nil {
		p := parser{lastID: lastID, retry: retry}
		var err error
		for _, url := range s.urls {
			if err = s.stream(ctx, url, &p, take); !errors.Is(err, errNoAnswer) {
				break
			}
		}
		lastID, retry = p.lastID, p.retry
		if errors.Is(err, errGaveUp) {
			return err
		}
		take(event{name: "error"})
		_ = pause(ctx, retry) // the loop's condition looks at ctx
	}
	return nil
}

// stream reads one connection to its end.
func (s *eventSource) stream(ctx context.Context, url string, p *parser, take func(event)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	alarm := func() {}
	if s.watch > 0 {
		timer := time.AfterFunc(s.watch, cancel)
		defer timer.Stop()
		alarm = func() { timer.Reset(s.watch) }
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	maps.Copy(request.Header, s.header)
	if p.lastID != "" {
		request.Header.Set("Last-Event-ID", p.lastID)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	defer response.Body.Close()
	kind := response.Header.Get("Content-Type")
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/event-stream") {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 200))
		return fmt.Errorf("%w: %s, %s: %s", errGaveUp, response.Status, kind, body)
	}
	p.r = bufio.NewReader(response.Body)
	for {
		e, err := p.next()
		if err != nil {
			return err
		}
		alarm()
		take(e)
	}
}
