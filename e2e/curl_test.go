//go:build linux

package e2e

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// curl is a running curl whose output a test reads as an event stream.
type curl struct {
	*process
	parser
	output *os.File
}

// startCurl runs curl with these arguments, without a progress meter.
func startCurl(t *testing.T, args ...string) *curl {
	t.Helper()
	cmd := exec.Command(program(t, "curl", "curl"), append([]string{"-sS"}, args...)...)
	cmd.Env = []string{} // no .curlrc, no proxy variables
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w
	c := &curl{process: start(t, "curl "+strings.Join(args, " "), cmd), output: r}
	_ = w.Close()
	t.Cleanup(func() { _ = r.Close() })
	c.parser = parser{r: bufio.NewReader(r)}
	return c
}

// awaitEvent is curl's next event, which must come in time.
func (c *curl) awaitEvent(within time.Duration) event {
	c.t.Helper()
	if err := c.output.SetReadDeadline(time.Now().Add(within)); err != nil {
		c.t.Fatal(err)
	}
	e, err := c.next()
	if err != nil {
		c.t.Fatalf("%s: no event within %s: %v", c.name, within, err)
	}
	return e
}

// awaitNamed is curl's next event of a name; those of live people, who come and
// go beside it, are passed over.
func (c *curl) awaitNamed(within time.Duration, name string) event {
	c.t.Helper()
	for {
		switch e := c.awaitEvent(within); e.name {
		case name:
			return e
		case "presence", "notice":
		default:
			c.t.Fatalf("%s: event %q %s, want %q", c.name, e.name, e.data, name)
		}
	}
}

// awaitText is curl's next message, which must have this text.
func (c *curl) awaitText(within time.Duration, text string) message {
	c.t.Helper()
	for {
		e := c.awaitEvent(within)
		if e.name == "ping" || e.name == "presence" || e.name == "notice" {
			continue
		}
		m, err := e.message()
		if err != nil || e.name != "message" || m.Text != text {
			c.t.Fatalf("%s: event %q %s, want the message %q (%v)", c.name, e.name, e.data, text, err)
		}
		return m
	}
}

func TestCurl_PrintsRetryHelloHistoryLiveMessagesAndPing(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	settings := []setting{redis.url(), "HEARTBEAT=1s"}
	one, two := startInstance(t, settings...), startInstance(t, settings...)
	ana := enter(t, two.base, "ana")
	first, second := ana.say(t, two.base, "", "première"), ana.say(t, two.base, "", "deuxième")

	c := startCurl(t, "-N", one.base+"/events")
	if block := c.rawBlock(5 * time.Second); !strings.HasPrefix(block, "retry: ") {
		t.Errorf("curl printed %q first, want retry:", block)
	}
	e := c.awaitEvent(5 * time.Second)
	if c.retry < "1000" || c.retry > "3000" || len(c.retry) != 4 {
		t.Errorf("retry: %q, want 1000 to 3000", c.retry)
	}
	h := read[hello](t, e.data)
	if e.name != "hello" || h.Resume != "fresh" || h.Room != "lobby" || h.Participants < 1 || h.You.ID == "" || h.Instance == "" {
		t.Errorf("curl printed %q %s, want hello", e.name, e.data)
	}
	if e.id != "0-0" {
		t.Errorf("hello has the id %q, want 0-0: the position before what follows", e.id)
	}
	for _, want := range []message{first, second} {
		if got := c.awaitText(5*time.Second, want.Text); got != want {
			t.Errorf("history has %+v, want %+v", got, want)
		}
	}
	third := ana.say(t, two.base, "", "en direct <&>\n\t« salut » 🦜")
	if got := c.awaitText(5*time.Second, third.Text); got != third {
		t.Errorf("live message %+v, want %+v", got, third)
	}
	c.awaitNamed(5*time.Second, "ping")
	if c.lastID != third.ID {
		t.Errorf("the last id is %q, want the last message's, %s: a ping must not move it", c.lastID, third.ID)
	}
}

func TestCurl_WithALastEventIDGetsExactlyWhatCameAfter(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	one, two := startInstance(t, redis.url()), startInstance(t, redis.url())
	ana := enter(t, two.base, "ana")
	var said []message
	for _, text := range []string{"un", "deux", "trois", "quatre"} {
		said = append(said, ana.say(t, two.base, "", text))
	}
	for _, test := range []struct {
		name, id string
		args     []string
		verdict  string
		after    int // said[after:] follows
	}{
		{"in the header", said[1].ID, []string{"-H", "Last-Event-ID: " + said[1].ID, one.base + "/events"}, "resumed", 2},
		{"in the query", said[2].ID, []string{one.base + "/events?last_event_id=" + said[2].ID}, "resumed", 3},
		{"in both, where the header wins", said[3].ID, []string{"-H", "Last-Event-ID: " + said[3].ID, one.base + "/events?last_event_id=" + said[0].ID}, "resumed", 4},
		{"from before the first", "0-0", []string{"-H", "Last-Event-ID: 0-0", one.base + "/events"}, "resumed", 0},
		{"of a lost epoch", "0-0", []string{"-H", "Last-Event-ID: 1000-7", one.base + "/events"}, "gap", 0},
		{"that is none", "0-0", []string{"-H", "Last-Event-ID: bonjour", one.base + "/events"}, "gap", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := startCurl(t, append([]string{"-N"}, test.args...)...)
			e := c.awaitEvent(5 * time.Second)
			if h := read[hello](t, e.data); h.Resume != test.verdict || e.id != test.id {
				t.Errorf("hello %s with the id %q, want %q and %s", e.data, e.id, test.verdict, test.id)
			}
			for _, want := range said[test.after:] {
				c.awaitText(5*time.Second, want.Text)
			}
			live := ana.say(t, two.base, "", "en direct")
			said = append(said, live)
			if got := c.awaitText(5*time.Second, live.Text); got != live {
				t.Errorf("after the log came %+v, want %+v", got, live)
			}
		})
	}
}

func TestCurl_PostsFormsTextAndJSON(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	one, two := startInstance(t, redis.url()), startInstance(t, redis.url())
	reader := startCurl(t, "-N", one.base+"/events")
	reader.awaitNamed(5*time.Second, "hello")
	for _, args := range [][]string{
		{"-XPOST", two.base + "/messages", "-d", `{"nickname":"ana","text":"un objet"}`},
		{"-XPOST", two.base + "/messages", "-d", "nickname=ana", "--data-urlencode", "text=un objet"},
		{"-XPOST", two.base + "/messages?nickname=ana", "-H", "Content-Type: text/plain", "-d", "un objet"},
		{"--json", `{"nickname":"ana","text":"un objet"}`, two.base + "/messages"},
	} {
		c := startCurl(t, append([]string{"-w", "\nstatus %{http_code}"}, args...)...)
		if code := c.exitCode(10 * time.Second); code != 0 {
			t.Errorf("curl exited with %d", code)
		}
		m := reader.awaitText(5*time.Second, "un objet")
		if m.Author.Nickname != "ana" {
			t.Errorf("%v: the author is %+v", args, m.Author)
		}
	}
}

// rawBlock is what the stream holds up to its first empty line, left unread.
func (c *curl) rawBlock(within time.Duration) string {
	c.t.Helper()
	if err := c.output.SetReadDeadline(time.Now().Add(within)); err != nil {
		c.t.Fatal(err)
	}
	for n := 1; ; n++ {
		b, err := c.r.Peek(n)
		if err != nil {
			c.t.Fatalf("%s: no block within %s: %v", c.name, within, err)
		}
		if strings.HasSuffix(string(b), "\n\n") {
			return string(b)
		}
	}
}
