//go:build linux

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// subscription says which stream a reader opens.
type subscription struct {
	base   string // of an instance, or of a reverse proxy before it
	room   string
	lastID string // sent as Last-Event-ID unless empty
	as     visitor
}

// hello is the first event of every stream.
type hello struct {
	Resume       string `json:"resume"`
	Room         string `json:"room"`
	You          person `json:"you"`
	Participants int    `json:"participants"`
	Heartbeat    any    `json:"heartbeat"`
	Instance     string `json:"instance"`
}

// stream is one open stream, read by pulling: nothing is read that nobody asked for.
type stream struct {
	parser
	conn     net.Conn
	response *http.Response
	stop     func() bool // releases the context's hold on conn
}

// open asks for a stream over a raw connection and reads the response's header.
// The connection closes when ctx ends.
func open(ctx context.Context, s subscription) (*stream, error) {
	u, err := url.Parse(s.base)
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	st := &stream{conn: conn, stop: context.AfterFunc(ctx, func() { _ = conn.Close() })}
	if _, err := conn.Write([]byte(s.request(u.Host))); err != nil {
		st.close()
		return nil, err
	}
	st.response, err = http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		st.close()
		return nil, err
	}
	st.parser = parser{r: bufio.NewReader(st.response.Body), lastID: s.lastID}
	return st, nil
}

func (s subscription) request(host string) string {
	query := url.Values{}
	if s.room != "" {
		query.Set("room", s.room)
	}
	lines := []string{
		"GET /events?" + query.Encode() + " HTTP/1.1",
		"Host: " + host,
		"Accept: text/event-stream",
	}
	if s.lastID != "" {
		lines = append(lines, "Last-Event-ID: "+s.lastID)
	}
	if s.as.Token != "" {
		lines = append(lines, s.as.bearer())
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// close cuts the connection.
func (s *stream) close() {
	s.stop()
	_ = s.conn.Close()
}

// hello reads the stream's first event.
func (s *stream) hello() (hello, error) {
	var h hello
	e, err := s.next()
	if err != nil {
		return h, fmt.Errorf("before hello: %w", err)
	}
	if e.name != "hello" {
		return h, fmt.Errorf("first event is %q %s, want hello", e.name, e.data)
	}
	return h, json.Unmarshal([]byte(e.data), &h)
}

// message decodes the event as a message, whose id must be the event's.
func (e event) message() (message, error) {
	var m message
	if err := json.Unmarshal([]byte(e.data), &m); err != nil {
		return m, fmt.Errorf("message %q: %w", e.data, err)
	}
	if m.ID != e.id || m.ID == "" {
		return m, fmt.Errorf("message %s came with the event id %q", e.data, e.id)
	}
	return m, nil
}
