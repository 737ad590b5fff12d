package systems

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"causette/bench/load"
	"causette/bench/proc"
)

// unlimited lets the benchmark in; rates are checked all the same, against a
// limit that is not reached, where posts are what is measured.
const unlimited = "100000"

// causettes is ours, once for each writer that the program has.
func causettes(ctx context.Context, shop *Shop) []*System {
	if err := goBuild(ctx, shop, ".", "causette"); err != nil {
		return []*System{{Key: "causette", Name: "Causette", Kind: Ours, Redis: true, Absent: err}}
	}
	var all []*System
	for _, writer := range writers(ctx, shop) {
		s := &System{Key: "causette", Name: "**Causette**", Kind: Ours, Redis: true, Stores: true}
		if writer != "" {
			s.Key, s.Name = "causette-"+writer, fmt.Sprintf("**Causette** (%s)", writer)
		}
		s.start = func(ctx context.Context, shop *Shop, setting Setting) (*Server, error) {
			return startCausette(ctx, shop, setting, writer)
		}
		all = append(all, s)
	}
	return all
}

// Causette is the program with the first of its writers, prepared.
func Causette(ctx context.Context, shop *Shop) (*System, error) {
	s := causettes(ctx, shop)[0]
	return s, s.Absent
}

// writers asks the program which values of WRITER it knows, by giving it one that
// nobody would. A program without that variable has one writer, without a name.
func writers(ctx context.Context, shop *Shop) []string {
	cmd := exec.CommandContext(ctx, shop.built("causette"))
	cmd.Dir = shop.Temp
	// Without that variable it would start: the port is wrong too.
	cmd.Env = proc.Environment("WRITER=none-such", "PORT=0", "HOST=127.0.0.1")
	p, err := proc.Start(ctx, "causette", cmd)
	if err != nil {
		return []string{""}
	}
	defer p.Stop()
	select {
	case <-p.Over():
	case <-time.After(3 * time.Second):
	}
	return knownWriters(p.Output())
}

// knownWriters reads the line about WRITER, which says what is expected.
func knownWriters(output string) []string {
	for line := range strings.Lines(output) {
		_, expected, found := strings.Cut(line, "(expected ")
		if !strings.HasPrefix(line, "WRITER:") || !found {
			continue
		}
		words := strings.FieldsFunc(expected, func(r rune) bool { return r < 'a' || r > 'z' })
		return slices.DeleteFunc([]string{"poller", "handler"}, func(w string) bool { return !slices.Contains(words, w) })
	}
	return []string{""}
}

func startCausette(ctx context.Context, shop *Shop, setting Setting, writer string) (*Server, error) {
	address, port, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	admin, _, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	settings := []string{
		"ADMIN_ADDR=" + admin, "PORT=" + port, "HOST=127.0.0.1", "REDIS_URL=redis://" + setting.Redis, "LOG_LEVEL=warn",
		// All come from here: an address must not count.
		"MESSAGE_RATE=0", "SESSION_RATE=0", "ROOM_RATE=0", "STREAM_RATE=0", "REQUEST_RATE=0", "MAX_STREAMS_PER_IP=1000000",
	}
	if setting.Posts {
		// What one address may store a day follows from HISTORY_BYTES.
		settings = append(settings, "MESSAGE_RATE="+unlimited, "MESSAGE_BURST="+unlimited, "HISTORY_BYTES=1099511627776")
	}
	if setting.Calm {
		settings = append(settings, "HEARTBEAT=5m")
	}
	if writer != "" {
		settings = append(settings, "WRITER="+writer)
	}
	cmd := exec.CommandContext(ctx, shop.built("causette"))
	cmd.Dir = shop.Temp // where no .env is
	cmd.Env = proc.Environment(settings...)
	p, err := proc.Start(ctx, "Causette", cmd)
	server := &Server{
		Address: address, Process: p,
		Reader:  reader(load.Get("/events?history=0&room="+load.RoomSlot, eventStream), "event: hello\n"),
		Publish: load.Post("/messages", "application/json", said(0)),
		Collect: func() { afterHerd(ctx) },
		Allocated: func(ctx context.Context) (float64, error) {
			return metric(ctx, admin, "go_memstats_alloc_bytes_total")
		},
		Members: func(ctx context.Context, clients int) ([][]byte, error) { return memberPosts(ctx, address, clients) },
	}
	return server, err
}

// herdRest is longer than the program takes to see that a herd has passed, and
// to return what it left: nobody asks it to, here or elsewhere.
const herdRest = 10 * time.Second

func afterHerd(ctx context.Context) {
	select {
	case <-time.After(herdRest):
	case <-ctx.Done():
	}
}

// memberPosts is a request for each client, in a session of its own.
func memberPosts(ctx context.Context, address string, clients int) ([][]byte, error) {
	lines, err := Members(ctx, address, clients)
	body := strings.Replace(said(0), `"nickname":"`+nickname+`",`, "", 1)
	requests := make([][]byte, len(lines))
	for i, line := range lines {
		requests[i] = load.Post("/messages", "application/json", body, line)
	}
	return requests, err
}

// Members opens sessions with nicknames on a Causette, as people have them, and
// returns the header line that speaks for each.
func Members(ctx context.Context, address string, count int) ([]string, error) {
	lines := make([]string, count)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	for i := range lines {
		group.Go(func() error {
			answer, err := ask(ctx, client, http.MethodPost, "http://"+address+"/nicknames", fmt.Sprintf(`{"nickname":"bench %d"}`, i))
			if err != nil {
				return err
			}
			var session struct{ Token string }
			if err := json.Unmarshal(answer, &session); err != nil || session.Token == "" {
				return errors.Join(errors.New("no token"), err)
			}
			lines[i] = "Authorization: Bearer " + session.Token
			return nil
		})
	}
	return lines, group.Wait()
}
