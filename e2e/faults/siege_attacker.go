package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// attacker is one address with many connections.
type attacker struct {
	// Static after construction.
	order
	until time.Time

	left           atomic.Int64 // requests and connections that it may still make
	opened, broken atomic.Int64
	answers        [600]atomic.Int64 // by status
}

func (a *attacker) tally() tally {
	t := tally{Opened: a.opened.Load(), Broken: a.broken.Load(), Answers: map[string]int64{}}
	for status := range a.answers {
		if n := a.answers[status].Load(); n > 0 {
			t.Answers[strconv.Itoa(status)] = n
		}
	}
	return t
}

// worker is one of an attacker's hands, with a connection at most.
type worker struct {
	*attacker
	number int
	host   string
	random *rand.Rand
	turns  int
	token  string // of a session, where the attack has any

	conn net.Conn
	in   *bufio.Reader
}

// volley has n workers do turn after turn until the attack's time is over, or its
// requests are used up. A turn that fails loses its connection.
func (a *attacker) volley(ctx context.Context, n int, turn func(context.Context, *worker) error) error {
	var all sync.WaitGroup
	for i := range max(1, int(float64(n)*a.Share)) {
		w := &worker{
			attacker: a, number: i, host: a.Hosts[i%len(a.Hosts)], random: rand.New(rand.NewPCG(a.Seed, uint64(i))),
		}
		all.Go(func() {
			defer w.drop()
			for ctx.Err() == nil && a.left.Add(-1) >= 0 {
				if err := turn(ctx, w); err != nil && ctx.Err() == nil {
					a.broken.Add(1)
					w.drop()
					_ = pause(ctx, 10*time.Millisecond) // a refused connection is no work
				}
				w.turns++
			}
		})
	}
	all.Wait()
	return ctx.Err()
}

// connect opens a connection, unless there is one. Everything on it ends with the attack.
func (w *worker) connect(ctx context.Context) error {
	if w.conn != nil {
		return nil
	}
	conn, err := dialerFrom(attackerAddress).DialContext(ctx, "tcp", w.host)
	if err != nil {
		return err
	}
	w.opened.Add(1)
	w.conn, w.in = conn, bufio.NewReader(conn)
	return conn.SetDeadline(w.until)
}

// drop closes the connection so that nothing of it is left.
func (w *worker) drop() {
	if w.conn != nil {
		reset(w.conn)
		w.conn = nil
	}
}

// say sends a request, or a piece of one.
func (w *worker) say(ctx context.Context, request []byte) error {
	if err := w.connect(ctx); err != nil {
		return err
	}
	_, err := w.conn.Write(request)
	return err
}

// ask sends a request and reads its answer, of whose body it returns the first kilobytes.
func (w *worker) ask(ctx context.Context, request []byte) (status int, body []byte, err error) {
	if err := w.say(ctx, request); err != nil {
		return 0, nil, err
	}
	asked := &http.Request{Method: string(bytes.SplitN(request, []byte(" "), 2)[0])}
	response, err := http.ReadResponse(w.in, asked)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	if status = response.StatusCode; status < len(w.answers) {
		w.answers[status].Add(1)
	}
	body, err = io.ReadAll(io.LimitReader(response.Body, 16<<10))
	_, errRest := io.Copy(io.Discard, response.Body)
	if err = errors.Join(err, errRest); err == nil && response.Close {
		w.drop()
	}
	return status, body, err
}

// get is a GET's bytes; fields are whole header lines.
func (w *worker) get(path string, fields ...string) []byte {
	return request(http.MethodGet, path, w.host, "", append(fields, w.bearer()...))
}

// post is a POST's bytes.
func (w *worker) post(path string, body map[string]string, fields ...string) []byte {
	text, _ := json.Marshal(body) // strings always can be
	return request(http.MethodPost, path, w.host, string(text), append(fields, w.bearer()...))
}

func (w *worker) bearer() []string {
	if w.token == "" {
		return nil
	}
	return []string{"Authorization: Bearer " + w.token}
}

func request(method, path, host, body string, fields []string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, host)
	for _, line := range fields {
		b.WriteString(line + "\r\n")
	}
	if method == http.MethodPost {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	return b.Bytes()
}
