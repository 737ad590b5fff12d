package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// newcomerPatience is how long somebody waits for a page or a greeting before he goes away.
const newcomerPatience = 5 * time.Second

// startComing has somebody new come every second, each of an address of its own, and
// somebody with a slow line post, until honest.stop.
func (s *siege) startComing(ctx context.Context) {
	ctx, s.honest.stop = context.WithCancel(ctx)
	from := addresses{network: 5}
	s.honest.coming.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			base := s.instances[n%len(s.instances)].base
			s.honest.coming.Go(func() { s.honest.comes(ctx, func() error { return comeNewly(ctx, base, from.next()) }) })
			_ = pause(ctx, time.Second) // the loop looks at ctx
		}
	})
	slow := from.next()
	s.honest.coming.Go(func() {
		for ctx.Err() == nil {
			s.honest.comes(ctx, func() error { return postSlowly(ctx, s.instances[0].base, slow) })
		}
	})
}

// comes counts somebody who came, unless the end did not let him.
func (h *honest) comes(ctx context.Context, come func() error) {
	err := come()
	if ctx.Err() != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.came++
	if err != nil {
		h.turnedAway[reason(err)]++
	}
}

var knownReasons = []string{
	"deadline exceeded", "connection reset", "connection refused", "closed network connection", "EOF", "broken pipe",
}

// reason is an error without what is different each time.
func reason(err error) string {
	text := err.Error()
	for _, known := range knownReasons {
		if strings.Contains(text, known) {
			return known
		}
	}
	return text
}

// comeNewly loads the room's page and its history, and reads until it is greeted.
func comeNewly(ctx context.Context, base, address string) error {
	ctx, cancel := context.WithTimeout(ctx, newcomerPatience)
	defer cancel()
	client := clientFrom(address, true)
	for _, path := range []string{"/rooms/" + room, "/messages?limit=50&room=" + room} {
		response, err := getOK(ctx, client, base+path)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if err != nil {
			return err
		}
	}
	response, err := getOK(ctx, client, base+"/events?room="+room)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	p := parser{r: bufio.NewReader(response.Body)}
	first, err := p.next()
	if err == nil && first.name != "hello" {
		err = fmt.Errorf("a stream that began with %s %s", first.name, first.data)
	}
	return err
}

// postSlowly says something in a room of its own, with a body that takes three
// seconds, a byte at a time.
func postSlowly(ctx context.Context, base, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second+newcomerPatience)
	defer cancel()
	host := strings.TrimPrefix(base, "http://")
	conn, err := dialerFrom(address).DialContext(ctx, "tcp", host)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	const body = `{"room":"slow-line","nickname":"slow","text":"slowly"}`
	if _, err := fmt.Fprintf(conn, "POST /messages HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", host, len(body)); err != nil {
		return err
	}
	for i := range body {
		if err := pause(ctx, 3*time.Second/time.Duration(len(body))); err != nil {
			return err
		}
		if _, err := conn.Write([]byte(body[i : i+1])); err != nil {
			return err
		}
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		return fmt.Errorf("%d", response.StatusCode)
	}
	return nil
}

// getOK is an answer to a GET, of 200, whose body the caller closes.
func getOK(ctx context.Context, client *http.Client, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		return nil, fmt.Errorf("%d", response.StatusCode)
	}
	return response, nil
}
