package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"causette/addr"
	"causette/sse"
	"causette/store"
)

func TestProxies_OnlyATrustedOneSaysThatTheClientSpeaksTLS(t *testing.T) {
	ranges, err := addr.ParseRanges([]string{"10.0.0.0/8", "2001:db8::1"})
	trusted := trustedProxies{ranges}
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
	for n, full := range []bool{false, true} { // a trusted proxy that does not say for whom it asks is one owner
		if got := first(nil); strings.Contains(got, `{"reason":"full"}`) != full {
			t.Errorf("the proxy's own stream %d: %s", n, got)
		}
	}
}
