package api

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"causette/addr"
)

// proxied is a request from peer, with lines of X-Forwarded-For.
func proxied(peer string, forwarded ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = peer
	if len(forwarded) > 0 {
		r.Header[headerForwardedFor] = forwarded
	}
	return r
}

// Whom a request counts for: the right-most address of X-Forwarded-For that is no
// trusted proxy's, if a trusted proxy sent it.
func TestProxies_TheClientIsTheRightMostAddressThatIsNotTrusted(t *testing.T) {
	const proxy, proxies = "10.0.0.1:1", "10.0.0.0/8"
	xff := func(values ...string) []string { return values }
	for _, test := range []struct {
		name, peer, trusted string
		forwarded           []string
		want                string
	}{
		{"nobody between", "192.0.2.1:1", "", nil, "192.0.2.1"},
		{"a stranger says who it is", "192.0.2.1:1", proxies, xff("198.51.100.7"), "192.0.2.1"},
		{"a stranger, and no proxy is trusted", "127.0.0.1:1", "", xff("198.51.100.7"), "127.0.0.1"},
		{"a private address is not trusted by itself", "192.168.1.1:1", "127.0.0.0/8", xff("192.0.2.1"), "192.168.1.1"},
		{"one proxy", proxy, proxies, xff("192.0.2.1"), "192.0.2.1"},
		{"the client wrote one before it", proxy, proxies, xff("198.51.100.7, 192.0.2.1"), "192.0.2.1"},
		{"in a line of its own", proxy, proxies, xff("198.51.100.7", "192.0.2.1"), "192.0.2.1"},
		{"the client claims to be a proxy", proxy, proxies, xff("10.9.9.9, 192.0.2.1"), "192.0.2.1"},
		{"two proxies", proxy, proxies, xff("192.0.2.1, 10.0.0.2"), "192.0.2.1"},
		{"two proxies, each in a line of its own", proxy, proxies, xff("192.0.2.1", "10.0.0.2"), "192.0.2.1"},
		{"two proxies, of which one is not trusted", proxy, "10.0.0.1", xff("192.0.2.1, 10.0.0.2"), "10.0.0.2"},
		{"everybody is a proxy", proxy, proxies, xff("10.3.0.1, 10.2.0.1"), "10.3.0.1"},
		{"everybody is a proxy, in two lines", proxy, proxies, xff("10.3.0.1", "10.2.0.1"), "10.3.0.1"},
		{"a thousand of them", proxy, proxies, xff(strings.Repeat("198.51.100.7,", 1000) + "192.0.2.1"), "192.0.2.1"},
		{"a thousand proxies", proxy, proxies, xff("192.0.2.1" + strings.Repeat(",10.0.0.2", 1000)), "192.0.2.1"},
		{"a proxy that does not say for whom", proxy, proxies, nil, "10.0.0.1"},
		{"nothing", proxy, proxies, xff(""), "10.0.0.1"},
		{"commas and no more", proxy, proxies, xff(" , ,, ", ","), "10.0.0.1"},
		{"commas after the address", proxy, proxies, xff("192.0.2.1, , ,"), "192.0.2.1"},
		{"no space after the comma", proxy, proxies, xff("198.51.100.7,192.0.2.1"), "192.0.2.1"},
		{"spaces and tabs around", proxy, proxies, xff("\t 192.0.2.1 \t"), "192.0.2.1"},
		{"in quotes", proxy, proxies, xff(`"192.0.2.1"`), "192.0.2.1"},
		{"with a port", proxy, proxies, xff("192.0.2.1:4711"), "192.0.2.1"},
		{"with a port, in quotes", proxy, proxies, xff(`"192.0.2.1:4711"`), "192.0.2.1"},
		{"with a port, behind a proxy with one", proxy, proxies, xff("192.0.2.1:4711, 10.0.0.2:80"), "192.0.2.1"},
		{"garbage before the address", proxy, proxies, xff("'; DROP TABLE, 192.0.2.1"), "192.0.2.1"},
		{"garbage instead of the address", proxy, proxies, xff("192.0.2.1, unknown"), addr.Unknown},
		{"a name", proxy, proxies, xff("localhost"), addr.Unknown},
		{"an obfuscated one", proxy, proxies, xff("_hidden"), addr.Unknown},
		{"leading zeros", proxy, proxies, xff("192.0.2.01"), addr.Unknown},
		{"a port that is none", proxy, proxies, xff("192.0.2.1:http"), addr.Unknown},
		{"a port too large", proxy, proxies, xff("192.0.2.1:65536"), addr.Unknown},
		{"half a quote", proxy, proxies, xff(`"192.0.2.1`), addr.Unknown},
		{"half a bracket", proxy, proxies, xff("[2001:db8::1"), addr.Unknown},
		{"an IPv4 address in brackets", proxy, proxies, xff("[192.0.2.1]"), addr.Unknown},
		{"a range", proxy, proxies, xff("192.0.2.0/24"), addr.Unknown},
		{"garbage between two proxies", proxy, proxies, xff("192.0.2.1, x, 10.0.0.2"), addr.Unknown},
		{"IPv6", "[2001:db8::1]:1", "2001:db8::/64", xff("2001:db8:1::7"), "2001:db8:1::/64"},
		{"IPv6 on loopback", "[::1]:1", "::1", xff("2001:db8:1::7"), "2001:db8:1::/64"},
		{"IPv6 in brackets", proxy, proxies, xff("[2001:db8:1:2:3:4:5:6]"), "2001:db8:1:2::/64"},
		{"IPv6 with a port", proxy, proxies, xff("[2001:db8:1:2:3:4:5:6]:4711"), "2001:db8:1:2::/64"},
		{"IPv6 with a port, in quotes", proxy, proxies, xff(`"[2001:db8:1:2:3:4:5:6]:4711"`), "2001:db8:1:2::/64"},
		{"IPv6 with a zone", proxy, proxies, xff("fe80::7%eth0"), "fe80::/64"},
		{"IPv6 with a zone and a port", proxy, proxies, xff("[fe80::7%eth0]:80"), "fe80::/64"},
		{"IPv6 that a trusted range holds, with a zone", proxy, "10.0.0.1,fe80::/10", xff("192.0.2.1, fe80::7%eth0"), "192.0.2.1"},
		{"a link-local peer", "[fe80::1%eth0]:1", "", nil, "fe80::/64"},
		{"a link-local proxy", "[fe80::1%eth0]:1", "fe80::/64", xff("192.0.2.1"), "192.0.2.1"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:1", proxies, xff("192.0.2.1"), "192.0.2.1"},
		{"IPv4 in IPv6, forwarded", proxy, proxies, xff("::ffff:192.0.2.1"), "192.0.2.1"},
		{"IPv4 in IPv6, forwarded with a port", proxy, proxies, xff("[::ffff:192.0.2.1]:80"), "192.0.2.1"},
		{"a proxy that is named as IPv4 in IPv6", proxy, "::ffff:10.0.0.1", xff("192.0.2.1"), "192.0.2.1"},
		{"a range that is named as IPv4 in IPv6", proxy, "::ffff:10.0.0.0/104", xff("192.0.2.1"), "192.0.2.1"},
		{"no address at all", "@", proxies, xff("192.0.2.1"), addr.Unknown},
		{"nor a peer", "", proxies, nil, addr.Unknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			var ranges []string
			if test.trusted != "" {
				ranges = strings.Split(test.trusted, ",")
			}
			trusted, err := addr.ParseRanges(ranges)
			if err != nil {
				t.Fatal(err)
			}
			if got := (trustedProxies{trusted}).owner(proxied(test.peer, test.forwarded...)); got != test.want {
				t.Errorf("the owner is %q, want %q", got, test.want)
			}
		})
	}
}

func TestProxies_OtherHeadersSayNothing(t *testing.T) {
	trusted := trustedProxies{addr.Ranges{netip.MustParsePrefix("10.0.0.0/8")}}
	for _, name := range []string{"Forwarded", "X-Real-Ip", "X-Client-Ip", "Cf-Connecting-Ip", "True-Client-Ip", "X-Forwarded", "X-Forwarded-Host"} {
		r := proxied("10.0.0.1:1")
		r.Header.Set(name, "192.0.2.1")
		if got := trusted.owner(r); got != "10.0.0.1" {
			t.Errorf("%s: the owner is %q", name, got)
		}
	}
}

// Whatever stands in the header, the owner is a plain address, a /64 or unknown; and what
// a stranger says changes nothing.
func FuzzProxies_TheOwnerIsAnAddressOrUnknown(f *testing.F) {
	for _, seed := range []string{"192.0.2.1", "[2001:db8::1%x]:80, 10.0.0.1", `"a"`, "::ffff:1.2.3.4,,", "10.0.0.1,10.0.0.2", "\x00", "1.2.3.4:"} {
		f.Add("10.0.0.1:1", seed, seed)
	}
	f.Add("[fe80::1%25eth0]:1", "", "unknown")
	trusted := trustedProxies{addr.Ranges{netip.MustParsePrefix("10.0.0.0/8")}}
	f.Fuzz(func(t *testing.T, peer, first, second string) {
		got := trusted.owner(proxied(peer, first, second))
		if direct := trusted.owner(proxied(peer)); !trusted.Contain(peerAddr(proxied(peer))) && got != direct {
			t.Fatalf("%q is %q, and with a header %q", peer, direct, got)
		}
		if got == addr.Unknown {
			return
		}
		if plain, err := netip.ParseAddr(got); err == nil && plain.Is4() {
			return
		}
		if prefix, err := netip.ParsePrefix(got); err != nil || prefix.Bits() != 64 || prefix != prefix.Masked() || prefix.Addr().Zone() != "" {
			t.Fatalf("%q, %q and %q make the owner %q", peer, first, second, got)
		}
	})
}
