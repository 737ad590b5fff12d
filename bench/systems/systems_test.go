package systems

import (
	"bufio"
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestKnownWriters_AreReadFromWhatTheProgramExpects(t *testing.T) {
	for output, want := range map[string][]string{
		"PORT: \"none\" is wrong: invalid syntax (expected a port from 1 to 65535)\n":                                {""},
		"PORT: wrong (expected a port)\nWRITER: \"none-such\" is wrong: no such writer (expected poller or handler)": {"poller", "handler"},
		"WRITER: \"none-such\" is wrong: no such writer (expected auto, handler)":                                    {"handler"},
	} {
		if got := knownWriters(output); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", output, got, want)
		}
	}
}

func TestWanted_TakesAKeyOrItsBeginning(t *testing.T) {
	for _, c := range []struct {
		key  string
		only []string
		want bool
	}{
		{"nchan", nil, true},
		{"nchan-redis", []string{"nchan"}, true},
		{"nchan", []string{"nchan-redis"}, false},
		{"causette-poller", []string{"gin", "causette-poller"}, true},
		{"socketio", []string{"gin"}, false},
	} {
		if got := wanted(c.key, c.only); got != c.want {
			t.Errorf("%s of %v: %t", c.key, c.only, got)
		}
	}
}

func TestFrame_IsAsLongAsAnEventOfCausettes(t *testing.T) {
	if n := len(frame()); n != 245 {
		t.Errorf("%d bytes, want 245", n)
	}
}

func TestTemplates_AreRequests(t *testing.T) {
	server := ginServer("127.0.0.1:1", nil, 0)
	for _, template := range [][]byte{server.Publish, server.Reader.Request, socketIOReader().Request} {
		if _, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(template))); err != nil {
			t.Errorf("%v: %q", err, template)
		}
	}
}

func TestWebSocketText_IsAMaskedFrame(t *testing.T) {
	if got := webSocketText("40"); string(got) != "\x81\x82\x00\x00\x00\x0040" {
		t.Fatalf("%q", got)
	}
}

func TestNchanConfig_HasRedisOnlyIfAsked(t *testing.T) {
	memory, redis := nchanConfig("m.so", "/d", "81", ""), nchanConfig("m.so", "/d", "81", "127.0.0.1:6379")
	if strings.Contains(memory, "redis") || !strings.Contains(redis, "redis://127.0.0.1:6379") || strings.Count(redis, "nchan_redis_pass") != 2 {
		t.Fatalf("%s\n%s", memory, redis)
	}
	for _, config := range []string{memory, redis} {
		if strings.Contains(config, "%!") || strings.Count(config, "{") != strings.Count(config, "}") {
			t.Errorf("not a configuration:\n%s", config)
		}
	}
}
