package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"causette/sse"
	"causette/store"
)

// Who a request is from, for whoever limits by address: the right-most address
// of X-Forwarded-For that is no trusted proxy's, if a trusted proxy sent it.
func TestProxies_TheClientIsTheRightMostAddressThatIsNotTrusted(t *testing.T) {
	type header = map[string][]string
	xff := func(values ...string) header { return header{"X-Forwarded-For": values} }
	for _, test := range []struct {
		name, peer string
		trusted    []string
		header     header
		want       string
	}{
		{"nobody between", "192.0.2.1:1", nil, nil, "192.0.2.1"},
		{"a stranger says who it is", "192.0.2.1:1", []string{"10.0.0.0/8"}, xff("198.51.100.7"), "192.0.2.1"},
		{"a stranger, and no proxy is trusted", "127.0.0.1:1", nil, xff("198.51.100.7"), "127.0.0.1"},
		{"one proxy", "10.0.0.1:1", []string{"10.0.0.0/8"}, xff("192.0.2.1"), "192.0.2.1"},
		{"the client wrote one before it", "10.0.0.1:1", []string{"10.0.0.0/8"}, xff("198.51.100.7, 192.0.2.1"), "192.0.2.1"},
		{"in a line of its own", "10.0.0.1:1", []string{"10.0.0.0/8"}, xff("198.51.100.7", "192.0.2.1"), "192.0.2.1"},
		{"the client claims to be a proxy", "10.0.0.1:1", []string{"10.0.0.0/8"}, xff("10.9.9.9, 192.0.2.1"), "192.0.2.1"},
		{"two proxies", "10.0.0.1:1", []string{"10.0.0.0/8"}, xff("192.0.2.1, 10.0.0.2"), "192.0.2.1"},
		{"two proxies, of which one is not trusted", "10.0.0.1:1", []string{"10.0.0.1"}, xff("192.0.2.1, 10.0.0.2"), "10.0.0.2"},
		{"garbage before the address", "10.0.0.1:1", []string{"10.0.0.0/8"}, xff("'; DROP TABLE, 192.0.2.1"), "192.0.2.1"},
		{"garbage instead of the address", "10.0.0.1:1", []string{"10.0.0.0/8"}, xff("192.0.2.1, unknown"), "10.0.0.1"},
		{"an address with a port is none", "10.0.0.1:1", []string{"10.0.0.0/8"}, xff("192.0.2.1:80"), "10.0.0.1"},
		{"nothing", "10.0.0.1:1", []string{"10.0.0.0/8"}, xff(""), "10.0.0.1"},
		{"a thousand of them", "10.0.0.1:1", []string{"10.0.0.0/8"}, xff(strings.Repeat("198.51.100.7,", 1000) + "192.0.2.1"), "192.0.2.1"},
		{"everybody is a proxy", "10.0.0.1:1", []string{"10.0.0.0/8"}, xff("10.3.0.1, 10.2.0.1"), "10.3.0.1"},
		{"IPv6", "[2001:db8::1]:1", []string{"2001:db8::/64"}, xff("2001:db8:1::7"), "2001:db8:1::7"},
		{"IPv6 on loopback", "[::1]:1", []string{"::1"}, xff("2001:db8:1::7"), "2001:db8:1::7"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:1", []string{"10.0.0.0/8"}, xff("192.0.2.1"), "192.0.2.1"},
		{"a private address is not trusted by itself", "192.168.1.1:1", []string{"127.0.0.0/8"}, xff("192.0.2.1"), "192.168.1.1"},
		{"RFC 7239 is not read", "10.0.0.1:1", []string{"10.0.0.0/8"}, header{"Forwarded": {"for=192.0.2.1"}}, "10.0.0.1"},
		{"others neither", "10.0.0.1:1", []string{"10.0.0.0/8"}, header{"X-Real-Ip": {"192.0.2.1"}, "X-Client-Ip": {"192.0.2.1"}, "Cf-Connecting-Ip": {"192.0.2.1"}, "True-Client-Ip": {"192.0.2.1"}}, "10.0.0.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			handler, err := (&API{o: Options{TrustedProxies: test.trusted}}).routes()
			if err != nil {
				t.Fatal(err)
			}
			c := gin.CreateTestContextOnly(httptest.NewRecorder(), handler.(*gin.Engine))
			c.Request = httptest.NewRequest(http.MethodGet, "/", nil)
			c.Request.RemoteAddr, c.Request.Header = test.peer, test.header
			if got := c.ClientIP(); got != test.want {
				t.Errorf("the client is %q, want %q", got, test.want)
			}
		})
	}
}

func TestProxies_OnlyATrustedOneSaysThatTheClientSpeaksTLS(t *testing.T) {
	trusted, err := parseTrusted([]string{"10.0.0.0/8", "2001:db8::1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		peer, proto string
		want        bool
	}{
		{"10.1.2.3:1", "https", true}, {"[::ffff:10.1.2.3]:1", "https", true}, {"[2001:db8::1]:1", "https", true},
		{"10.1.2.3:1", "http", false}, {"10.1.2.3:1", "https, http", false}, {"10.1.2.3:1", "HTTPS\t", false},
		{"192.0.2.1:1", "https", false}, {"[2001:db8::2]:1", "https", false}, {"", "https", false}, {"@", "https", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = test.peer
		r.Header.Set("X-Forwarded-Proto", test.proto)
		if got := trusted.isSecure(r); got != test.want {
			t.Errorf("%q says %q: secure is %v", test.peer, test.proto, got)
		}
	}
}

func TestProxies_AnAddressThatIsNoneStopsTheStart(t *testing.T) {
	for _, s := range []string{"everyone", "10.0.0.0/99", ""} {
		if _, err := parseTrusted([]string{s}); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}

func TestProxies_StreamsAreCountedByTheClientsAddress(t *testing.T) {
	s := newServerWith(t, sse.Options{MaxStreams: 100, MaxStreamsPerAddress: 1}, func(*Options, *store.Options) {})
	from := func(address string) map[string]string { return map[string]string{"X-Forwarded-For": address} }
	first := func(header map[string]string) string {
		events := s.open("/events", header)
		t.Cleanup(events.close)
		return events.next(t)
	}
	for _, test := range []struct {
		from string
		full bool
	}{
		{"192.0.2.1", false}, {"192.0.2.1", true}, {"198.51.100.7, 192.0.2.1", true}, {"192.0.2.2", false},
		{"2001:db8:0:1::1", false}, {"2001:db8:0:1:ffff::2", true}, {"2001:db8:0:2::1", false},
	} {
		if got := first(from(test.from)); strings.Contains(got, `{"reason":"full"}`) != test.full {
			t.Errorf("a stream from %s: %s", test.from, got)
		}
	}
	for range 2 { // a trusted proxy that does not say for whom it asks
		if got := first(nil); !strings.Contains(got, "event: hello") {
			t.Errorf("the proxy's own stream: %s", got)
		}
	}
}
