package api

import (
	"net/http"
	"testing"

	"causette/store"
)

func TestHosts_AreKnownByNameAndPort(t *testing.T) {
	for _, test := range []struct {
		entry, host string
		want        bool
	}{
		{"chat.example.org", "chat.example.org", true}, {"chat.example.org", "chat.example.org:8443", true},
		{"Chat.Example.org", "CHAT.example.ORG", true}, {"chat.example.org", "evil.example.org", false},
		{"chat.example.org", "chat.example.org.evil", false}, {"chat.example.org", "xchat.example.org", false},
		{"chat.example.org:8443", "chat.example.org:8443", true}, {"chat.example.org:8443", "chat.example.org", false},
		{"chat.example.org:8443", "chat.example.org:84430", false}, {"chat.example.org:443", "chat.example.org", true},
		{"chat.example.org:80", "chat.example.org", true}, {"chat.example.org:80", "chat.example.org:443", false},
		{"192.0.2.7", "192.0.2.7:4100", true}, {"192.0.2.7:4100", "192.0.2.8:4100", false},
		{"[2001:db8::1]", "[2001:db8::1]:4100", true}, {"[2001:db8::1]", "[2001:DB8:0::1]", true}, {"[2001:db8::1]:4100", "[2001:db8::1]", false},
		{"localhost", "", false}, {"localhost", "localhost:", false}, {"localhost", "a b", false}, {"localhost", "[localhost]", false},
		{"localhost", "localhost:0", false}, {"localhost", "localhost:http", false}, {"localhost", "localhost@evil.example", false},
	} {
		hosts, err := parseHosts([]string{"other.example", test.entry})
		if err != nil {
			t.Fatal(err)
		}
		if got := hosts.contain(test.host); got != test.want {
			t.Errorf("%q in a list with %q: %v", test.host, test.entry, got)
		}
	}
}

func TestHosts_OneThatIsNoneStopsTheStart(t *testing.T) {
	for _, s := range []string{"", "http://chat.example", "chat.example/", "*.example.org", "2001:db8::1", "[2001:db8::1", "[192.0.2.7]", "a b", "a:b", "a:0", "a:", "a:080", ":80", "-a", "a:1:2"} {
		if _, err := parseHosts([]string{s}); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}

func TestHosts_ARequestForAnotherIsRefusedButForProbes(t *testing.T) {
	s := newServer(t, func(o *Options, _ *store.Options) { o.Hosts = []string{"chat.example"} })
	eventually(t, s.store.Up)
	get := func(path, host string) answer {
		return s.do(request{method: http.MethodGet, path: path, header: map[string]string{"Host": host}})
	}
	for _, path := range []string{"/", "/messages", "/events", "/openapi.yaml", "/nothing"} {
		get(path, "evil.example").expectProblem(t, http.StatusMisdirectedRequest, "unknown_host")
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		get(path, "10.0.0.7:4100").expect(t, 200)
	}
	get("/messages", "chat.example").expect(t, 200)
	get("/messages", "Chat.Example:4100").expect(t, 200)
}
