package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/caarlos0/env/v11"
	"github.com/joho/godotenv"

	"causette/addr"
	"causette/api"
	"causette/store"
)

// Config is everything that the environment decides. This file is the only
// reader of the environment. The tags of a field are its documentation: env is
// the variable, envDefault its default, want the form that a wrong value is
// answered with. README.md's table and .env.example are held to it by a test.
type Config struct {
	Port int    `env:"PORT" envDefault:"4100" want:"a port from 1 to 65535"`
	Host string `env:"HOST" want:"an address to listen on; empty for all interfaces"`

	AdminAddr string   `env:"ADMIN_ADDR" want:"an address and port such as 127.0.0.1:9100, or none; empty for 127.0.0.1 and the port 10000 above PORT"`
	Hosts     []string `env:"HOSTS" want:"names such as chat.example.org or chat.example.org:8443, separated by commas; empty for any"`

	RedisURL  string `env:"REDIS_URL" envDefault:"redis://127.0.0.1:6379" want:"a redis:// or rediss:// URL"`
	KeyPrefix string `env:"KEY_PREFIX" want:"at most 64 characters, without { and }"`

	HistorySize  int           `env:"HISTORY_SIZE" envDefault:"10000" want:"a number of messages from 1 to 1000000"`
	HistoryTTL   time.Duration `env:"HISTORY_TTL" envDefault:"168h" want:"a duration from 1m to 8760h, such as 168h"`
	HistoryBytes int64         `env:"HISTORY_BYTES" envDefault:"16777216" want:"a number of bytes from 65536 to 1099511627776"`
	TailSize     int           `env:"TAIL_SIZE" envDefault:"1048576" want:"a number of bytes from 65536 to 67108864"`

	MaxStreams      int `env:"MAX_STREAMS" envDefault:"0" want:"a number of streams up to 10000000, or 0 for what the limit of open files allows"`
	MaxStreamsPerIP int `env:"MAX_STREAMS_PER_IP" envDefault:"0" want:"a number of streams up to 10000000, or 0 for three quarters of MAX_STREAMS"`

	Writer string `env:"WRITER" envDefault:"poller" want:"poller or handler"`

	Heartbeat  time.Duration `env:"HEARTBEAT" envDefault:"15s" want:"a duration from 1s to 10m, such as 15s"`
	LeaveDelay time.Duration `env:"LEAVE_DELAY" envDefault:"5s" want:"a duration from 0s to 1m, such as 5s"`
	Drain      time.Duration `env:"DRAIN" envDefault:"5s" want:"a duration from 100ms to 5m, such as 5s"`

	SessionSecrets []string `env:"SESSION_SECRET" want:"at least 32 characters, the same on every instance; or up to 8 such secrets separated by commas or spaces, of which the first signs; empty to keep one in Redis"`
	NoticeLimit    int      `env:"NOTICE_LIMIT" envDefault:"100" want:"a number of participants with a nickname from 0 to 100000"`

	CORSOrigins    []string `env:"CORS_ORIGINS" want:"origins such as https://example.org, separated by commas"`
	TrustedProxies []string `env:"TRUSTED_PROXIES" envDefault:"127.0.0.0/8,::1/128" want:"addresses or CIDR ranges separated by commas, or none"`

	LogLevel  slog.Level `env:"LOG_LEVEL" envDefault:"info" want:"debug, info, warn or error"`
	LogFormat string     `env:"LOG_FORMAT" envDefault:"text" want:"text or json"`

	MessageRate  float64 `env:"MESSAGE_RATE" envDefault:"5" want:"messages a second from 0.01 to 1000000, or 0 for no limit"`
	MessageBurst int     `env:"MESSAGE_BURST" envDefault:"20" want:"a number of messages from 1 to 100000"`
	SessionRate  float64 `env:"SESSION_RATE" envDefault:"30" want:"a number a minute from 0.01 to 1000000, or 0 for no limit"`
	StreamRate   float64 `env:"STREAM_RATE" envDefault:"12000" want:"a number a minute from 0.01 to 1000000, or 0 for no limit"`
	RoomRate     float64 `env:"ROOM_RATE" envDefault:"30" want:"a number an hour from 0.01 to 1000000, or 0 for no limit"`
	RequestRate  float64 `env:"REQUEST_RATE" envDefault:"200" want:"units a second from 0.01 to 1000000, or 0 for no limit"`
	RequestBurst int     `env:"REQUEST_BURST" envDefault:"20000" want:"a number of units from 100 to 10000000"`

	// redisGiven says that REDIS_URL was set, so nothing may be embedded.
	redisGiven bool
	// runtimeDir is XDG_RUNTIME_DIR, where the system gives each user one.
	runtimeDir string
}

// loadConfig reads .env, if it stands in the working directory, and the
// environment, which wins over it. An empty variable counts as not set. The
// error has a line for every wrong variable.
func loadConfig() (Config, error) {
	environment, err := godotenv.Read()
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return Config{}, errors.New(".env: a line is wrong: it does not parse (expected lines like PORT=4100)") // err repeats lines, which may hold secrets
	}
	if environment == nil {
		environment = map[string]string{}
	}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		environment[name] = value
	}
	return parseConfig(environment)
}

func parseConfig(environment map[string]string) (Config, error) {
	for name, value := range environment {
		if strings.TrimSpace(value) == "" {
			delete(environment, name)
		}
	}
	var c Config
	err := env.ParseWithOptions(&c, env.Options{Environment: environment})
	if err != nil {
		return Config{}, explain(err, environment)
	}
	_, c.redisGiven = environment["REDIS_URL"]
	c.runtimeDir = environment["XDG_RUNTIME_DIR"]
	c.SessionSecrets = secrets(environment["SESSION_SECRET"])
	c.CORSOrigins, c.TrustedProxies, c.Hosts = trimmed(c.CORSOrigins), trimmed(c.TrustedProxies), trimmed(c.Hosts)
	if len(c.TrustedProxies) == 1 && c.TrustedProxies[0] == "none" {
		c.TrustedProxies = nil
	}
	return c, c.check(environment)
}

// secrets are those that a variable lists, by commas, spaces or both.
func secrets(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// trimmed is a list without the spaces around its entries.
func trimmed(list []string) []string {
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// explain turns what env says of a field into what an operator reads of a variable.
func explain(err error, environment map[string]string) error {
	var lines []error
	for _, e := range flatten(err) {
		parse, ok := errors.AsType[env.ParseError](e)
		if !ok {
			lines = append(lines, e)
			continue
		}
		lines = append(lines, wrong(parse.Name, environment, innermost(parse.Err)))
	}
	return errors.Join(lines...)
}

// innermost is the first cause: "invalid syntax" without the functions that
// passed it on, and without the input that they repeat.
func innermost(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err
}

func flatten(err error) []error {
	if aggregate, ok := errors.AsType[env.AggregateError](err); ok {
		return aggregate.Errors
	}
	return []error{err}
}

// wrong is the line about a field: the variable, what is wrong, what is expected.
// The value of a secret or of a URL, which may hold a password, is not repeated.
func wrong(field string, environment map[string]string, cause error) error {
	f, _ := reflect.TypeFor[Config]().FieldByName(field)
	name, shown := f.Tag.Get("env"), "the value"
	if field != "SessionSecrets" && field != "RedisURL" {
		shown = fmt.Sprintf("%q", environment[name])
	}
	return fmt.Errorf("%s: %s is wrong: %w (expected %s)", name, shown, cause, f.Tag.Get("want"))
}

// check holds every value to what its want tag says.
func (c Config) check(environment map[string]string) error {
	var lines []error
	require := func(field string, err error) {
		if err != nil {
			lines = append(lines, wrong(field, environment, err))
		}
	}
	require("Port", between(c.Port, 1, 65535))
	require("Host", checkHost(c.Host))
	require("AdminAddr", checkAdminAddr(c.AdminAddr))
	require("Hosts", each(c.Hosts, checkHostName))
	require("Hosts", between(len(c.Hosts), 0, 1000))
	require("KeyPrefix", checkKeyPrefix(c.KeyPrefix))
	require("HistorySize", between(c.HistorySize, 1, 1_000_000))
	require("HistoryTTL", between(c.HistoryTTL, time.Minute, 8760*time.Hour))
	require("HistoryBytes", between(c.HistoryBytes, 64<<10, 1<<40))
	require("TailSize", between(c.TailSize, 64<<10, 64<<20))
	require("MaxStreams", between(c.MaxStreams, 0, 10_000_000))
	require("MaxStreamsPerIP", between(c.MaxStreamsPerIP, 0, 10_000_000))
	require("Heartbeat", between(c.Heartbeat, time.Second, 10*time.Minute))
	require("LeaveDelay", between(c.LeaveDelay, 0, time.Minute))
	require("Drain", between(c.Drain, 100*time.Millisecond, 5*time.Minute))
	require("NoticeLimit", between(c.NoticeLimit, 0, 100_000))
	require("MessageBurst", between(c.MessageBurst, 1, 100_000))
	require("MessageRate", checkRate(c.MessageRate))
	require("SessionRate", checkRate(c.SessionRate))
	require("StreamRate", checkRate(c.StreamRate))
	require("RoomRate", checkRate(c.RoomRate))
	require("RequestRate", checkRate(c.RequestRate))
	require("RequestBurst", between(c.RequestBurst, 100, 10_000_000))
	require("SessionSecrets", each(c.SessionSecrets, checkSecret))
	require("SessionSecrets", between(len(c.SessionSecrets), 0, 8))
	if c.Writer != "poller" && c.Writer != "handler" {
		require("Writer", errors.New("no such writer"))
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		require("LogFormat", errors.New("no such format"))
	}
	require("CORSOrigins", each(c.CORSOrigins, checkOrigin))
	require("TrustedProxies", checkRanges(c.TrustedProxies))
	require("RedisURL", checkRedisURL(c.RedisURL))
	return errors.Join(lines...)
}

func between[T cmp.Ordered](value, low, high T) error {
	if value < low {
		return errors.New("too small")
	}
	if value > high {
		return errors.New("too large")
	}
	return nil
}

func checkRate(perUnit float64) error {
	if perUnit == 0 {
		return nil
	}
	if perUnit != perUnit { // NaN, which strconv reads and no comparison holds
		return errors.New("not a number")
	}
	return between(perUnit, 0.01, 1_000_000)
}

var hostForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

func checkHost(host string) error {
	if _, err := netip.ParseAddr(host); host == "" || err == nil || hostForm.MatchString(host) {
		return nil
	}
	return errors.New("neither an address nor a name")
}

// checkAdminAddr wants an address and a port, for the port is what is chosen.
func checkAdminAddr(address string) error {
	if address == "" || address == adminNowhere {
		return nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return errors.New("not an address and a port")
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return errors.New("the port is not a number")
	}
	return errors.Join(checkHost(host), between(number, 1, 65535))
}

func checkHostName(s string) error {
	_, _, err := api.ParseHost(s)
	return err
}

// checkKeyPrefix refuses braces, which would move a room's keys to another
// slot of a Redis Cluster than its hash tag says.
func checkKeyPrefix(prefix string) error {
	if strings.ContainsAny(prefix, "{}") {
		return errors.New("braces are the rooms' hash tags")
	}
	return between(len(prefix), 0, 64)
}

// each is the first complaint about a list.
func each(list []string, check func(string) error) error {
	for _, s := range list {
		if err := check(s); err != nil {
			return err
		}
	}
	return nil
}

func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	standardPort := strings.HasPrefix(origin, "http:") && strings.HasSuffix(origin, ":80") ||
		strings.HasPrefix(origin, "https:") && strings.HasSuffix(origin, ":443")
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || origin != u.Scheme+"://"+u.Host ||
		origin != strings.ToLower(origin) || strings.Contains(origin, "*") || standardPort { // a browser never writes it so
		return fmt.Errorf("%q is not an origin", origin)
	}
	return nil
}

// checkSecret wants one that cannot be guessed: 32 bytes are what HS256 asks for.
func checkSecret(secret string) error { return between(len(secret), 32, 1024) }

func checkRanges(list []string) error {
	_, err := addr.ParseRanges(list)
	return err
}

func checkRedisURL(url string) error {
	client, err := store.Dial(url) // which does not connect yet
	if err != nil {
		return err
	}
	return client.Close()
}
