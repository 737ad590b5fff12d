package embedded

import (
	"bytes"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzCommandReader_ReadsWhatItWouldWrite: whatever is read was in the exact form, and
// is within the bounds.
func FuzzCommandReader_ReadsWhatItWouldWrite(f *testing.F) {
	for _, seed := range []string{ping, ping + ping, "*0\r\n", "*2\r\n$0\r\n\r\n$1\r\nx\r\n", "*1\r\n$007\r\nPINGPIN\r\n", "*1\r\n$9\r\nx\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		reader := newCommandReader(noDeadlines{r: bytes.NewReader(sent)}, func() {})
		var read strings.Builder
		for {
			args, err := reader.next()
			if err != nil {
				break
			}
			if len(args) == 0 || len(args) > maxArguments {
				t.Fatalf("%d arguments", len(args))
			}
			read.WriteString(array(args...))
		}
		if !bytes.HasPrefix(sent, []byte(read.String())) {
			t.Errorf("%q was read as %q", sent, read.String())
		}
	})
}

// noDeadlines is a connection that only reads.
type noDeadlines struct {
	net.Conn
	r io.Reader
}

func (n noDeadlines) Read(b []byte) (int, error)      { return n.r.Read(b) }
func (n noDeadlines) SetReadDeadline(time.Time) error { return nil }

// FuzzServer_EverybodyElseIsAnswered throws commands that are admitted, with arguments that
// are not what they expect, at one server. Whatever becomes of them, others are answered.
func FuzzServer_EverybodyElseIsAnswered(f *testing.F) {
	i := open(f, nowhere(f), shortDir(f))
	other := i.connect(f)
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(admitted)), func(name string) bool {
		return name == "QUIT" || strings.HasSuffix(name, "SUBSCRIBE") || strings.HasPrefix(name, "EVAL") // Lua may run for ever
	})
	words := []string{
		"", "0", "-1", "1", "9223372036854775807", "-9223372036854775808", "1e300", "nan", "inf", "-inf", "k", "h", "z", "x", "s", "*", "-", "+", "(1", "[a", "~", "=",
		"COUNT", "LIMIT", "MAXLEN", "MINID", "STREAMS", "EX", "PX", "EXAT", "NX", "XX", "GT", "LT", "CH", "INCR", "GET", "KEEPTTL", "PERSIST", "BYSCORE", "BYLEX", "REV",
		"WITHSCORES", "MATCH", "TYPE", "NOMKSTREAM", "ID", "LOAD", "EXISTS", "FLUSH", "AUTH", "SETNAME", "1-1", "0-0", "1-*", "18446744073709551615-18446744073709551615", "a b",
	}
	for n := range names {
		f.Add(byte(n), []byte{10, 2, 1, 30})
		f.Add(byte(n), []byte{13, 11, 11, 22, 5, 4})
	}
	for _, setUp := range [][]string{
		{"SET", "k", "v"}, {"HSET", "h", "k", "v"}, {"ZADD", "z", "1", "k"}, {"XADD", "x", "1-1", "k", "v"}, {"SADD", "s", "k"},
	} {
		other.ask(array(setUp...))
	}
	f.Fuzz(func(t *testing.T, name byte, chosen []byte) {
		args := []string{names[int(name)%len(names)]}
		for _, word := range chosen[:min(len(chosen), 12)] {
			args = append(args, words[int(word)%len(words)])
		}
		conn, err := i.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		(&connection{conn, t}).ask(array(args...))
		if got := (&connection{other.Conn, t}).ask(ping); got != "+PONG\r\n" {
			t.Errorf("after %q another connection is answered %q: %s", args, got, i.log)
		}
	})
}
