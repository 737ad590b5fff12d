package main

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"causette/store"
)

func TestConfig_WithoutEnvironmentIsTheDefaults(t *testing.T) {
	c, err := parseConfig(map[string]string{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Port != 4100 || c.RedisURL != "redis://127.0.0.1:6379" || c.redisGiven || c.Heartbeat != 15*time.Second ||
		c.MessageRate != 5 || c.MessageBurst != 20 || c.SessionRate != 30 || len(c.TrustedProxies) != 2 {
		t.Errorf("defaults are %+v", c)
	}
}

func TestConfig_AnEmptyVariableCountsAsNotSet(t *testing.T) {
	c, err := parseConfig(map[string]string{"REDIS_URL": "", "PORT": " "})
	if err != nil {
		t.Fatal(err)
	}
	if c.redisGiven || c.Port != 4100 {
		t.Errorf("got redisGiven %v and port %d", c.redisGiven, c.Port)
	}
}

func TestConfig_AGivenRedisURLIsNeverEmbedded(t *testing.T) {
	c, err := parseConfig(map[string]string{"REDIS_URL": "redis://127.0.0.1:6379", "XDG_RUNTIME_DIR": "/run/user/7"})
	if err != nil {
		t.Fatal(err)
	}
	if !c.redisGiven {
		t.Error("a REDIS_URL that repeats the default must count as given")
	}
	if c.runtimeDir != "/run/user/7" {
		t.Errorf("the directory for sockets is %q", c.runtimeDir)
	}
}

func TestConfig_SecretsAreSeparatedByCommasAndSpaces(t *testing.T) {
	a, b, c := strings.Repeat("a", 32), strings.Repeat("b", 32), strings.Repeat("c", 32)
	got, err := parseConfig(map[string]string{"SESSION_SECRET": a + ", " + b + "\t" + c + " "})
	if want := []string{a, b, c}; err != nil || !slices.Equal(got.SessionSecrets, want) {
		t.Errorf("got %q, %v", got.SessionSecrets, err)
	}
	if got, err := parseConfig(map[string]string{"SESSION_SECRET": ","}); err != nil || len(got.SessionSecrets) != 0 {
		t.Errorf("of a comma: %q, %v", got.SessionSecrets, err)
	}
}

// Every wrong value is one line: the variable, what is wrong, what is expected.
func TestConfig_AWrongValueIsALineThatNamesItsVariable(t *testing.T) {
	for _, test := range []struct{ name, value string }{
		{"PORT", "http"}, {"PORT", "0"}, {"PORT", "65536"}, {"PORT", "-1"}, {"PORT", "4100.5"},
		{"REDIS_URL", "localhost:6379"}, {"REDIS_URL", "http://localhost"}, {"REDIS_URL", "redis://h/notanumber"},
		{"REDIS_URL", "redis://h?addr=i&nonsense=1"}, {"REDIS_URL", "redis://h?master_name=m&nonsense=1"}, {"REDIS_URL", "redis://%zz"},
		{"HOST", "not a host"}, {"HOST", "http://localhost"}, {"HOST", "[::1]"},
		{"KEY_PREFIX", "a{b}"}, {"KEY_PREFIX", strings.Repeat("x", 65)},
		{"HISTORY_SIZE", "0"}, {"HISTORY_SIZE", "many"}, {"HISTORY_TTL", "1s"}, {"HISTORY_TTL", "7 days"},
		{"TAIL_SIZE", "1"}, {"TAIL_SIZE", "1MiB"}, {"MAX_STREAMS", "-1"}, {"MAX_STREAMS_PER_IP", "many"}, {"HEARTBEAT", "0s"}, {"HEARTBEAT", "15"}, {"LEAVE_DELAY", "-1s"},
		{"DRAIN", "1h"}, {"SESSION_SECRET", "short"}, {"SESSION_SECRET", strings.Repeat("a", 32) + ",short"},
		{"SESSION_SECRET", strings.Repeat(strings.Repeat("a", 32)+" ", 9)}, {"NOTICE_LIMIT", "-1"},
		{"CORS_ORIGINS", "example.org"}, {"CORS_ORIGINS", "https://example.org/"}, {"CORS_ORIGINS", "*"},
		{"CORS_ORIGINS", "https://*.example.org"}, {"CORS_ORIGINS", "https://example.org:443"}, {"CORS_ORIGINS", "a, b"},
		{"TRUSTED_PROXIES", "everyone"}, {"TRUSTED_PROXIES", "10.0.0.0/99"},
		{"LOG_LEVEL", "loud"}, {"LOG_FORMAT", "xml"},
		{"MESSAGE_RATE", "-1"}, {"MESSAGE_RATE", "NaN"}, {"MESSAGE_RATE", "Inf"}, {"MESSAGE_BURST", "0"}, {"SESSION_RATE", "fast"}, {"STREAM_RATE", "-1"},
		{"ADMIN_ADDR", "9100"}, {"ADMIN_ADDR", "127.0.0.1"}, {"ADMIN_ADDR", "127.0.0.1:0"}, {"ADMIN_ADDR", "127.0.0.1:http"}, {"ADMIN_ADDR", "http://127.0.0.1:9100"},
		{"ADMIN_ADDR", "a b:9100"}, {"ADMIN_ADDR", "nowhere"},
		{"HOSTS", "https://chat.example.org"}, {"HOSTS", "chat.example.org/"}, {"HOSTS", "*"}, {"HOSTS", "a,,b"}, {"HOSTS", "a:0"}, {"HOSTS", "2001:db8::1"},
		{"HISTORY_BYTES", "16MiB"}, {"HISTORY_BYTES", "1"}, {"ROOM_RATE", "-1"}, {"REQUEST_RATE", "-1"}, {"REQUEST_RATE", "NaN"}, {"REQUEST_BURST", "0"},
	} {
		t.Run(test.name+"="+test.value, func(t *testing.T) {
			_, err := parseConfig(map[string]string{test.name: test.value})
			if err == nil {
				t.Fatal("the value was taken")
			}
			line := err.Error()
			if !strings.HasPrefix(line, test.name+": ") || !strings.Contains(line, "(expected ") || strings.Contains(line, "\n") {
				t.Errorf("the line is %q", line)
			}
		})
	}
}

func TestConfig_SaysEveryWrongVariableAtOnce(t *testing.T) {
	_, err := parseConfig(map[string]string{"PORT": "x", "HEARTBEAT": "y"})
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("want two lines, got %v", err)
	}
}

func TestConfig_NeverRepeatsASecret(t *testing.T) {
	for _, pair := range [][2]string{
		{"SESSION_SECRET", "hunter2"}, {"REDIS_URL", "redis://u:hunter2/pass@h"}, {"REDIS_URL", "redis://:1#hunter2@h"},
		{"REDIS_URL", "redis://:1/hunter2@h?addr=i:1"}, {"REDIS_URL", "redis://:1?hunter2=3"},
	} {
		_, err := parseConfig(map[string]string{pair[0]: pair[1]})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", pair[0], err)
		}
	}
}

func TestConfig_RedisURLMayBeOfEveryKind(t *testing.T) {
	for _, url := range []string{ // of which kind each is, a test of package store says
		"redis://:secret@127.0.0.1:6379/3",
		"rediss://user:secret@127.0.0.1:6380",
		"redis://127.0.0.1:26379?master_name=m&addr=127.0.0.1:1",
		"redis://127.0.0.1:7000?addr=127.0.0.1:7001",
		"rediss://:secret@127.0.0.1:7000?addr=127.0.0.1:7001",
	} {
		client, err := store.Dial(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
}

// documented is a variable's name and default as a document shows it.
type documented struct{ name, standard string }

func fromConfig() []documented {
	var all []documented
	for field := range reflect.TypeFor[Config]().Fields() {
		if name := field.Tag.Get("env"); name != "" {
			all = append(all, documented{name, field.Tag.Get("envDefault")})
		}
	}
	return all
}

func fromFile(t *testing.T, path, pattern string) []documented {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []documented
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
		all = append(all, documented{match[1], match[2]})
	}
	return all
}

func TestConfig_DocumentsNameTheSameVariablesAndDefaults(t *testing.T) {
	want := fromConfig()
	for path, pattern := range map[string]string{
		".env.example": `(?m)^#([A-Z_]+)=(.*)$`,
		"README.md":    "(?m)^\\| `([A-Z_]+)` \\| (?:`([^`]*)`|[^|`]*) \\|",
		"README.fr.md": "(?m)^\\| `([A-Z_]+)` \\| (?:`([^`]*)`|[^|`]*) \\|",
	} {
		if got := fromFile(t, path, pattern); !reflect.DeepEqual(got, want) {
			t.Errorf("%s documents\n%v\nbut Config has\n%v", path, got, want)
		}
	}
}

// A copy of .env.example must change nothing: not one line of it may be active.
func TestConfig_EnvExampleIsAllCommentedOut(t *testing.T) {
	text, err := os.ReadFile(".env.example")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			t.Errorf("this line is active: %q", line)
		}
	}
}
