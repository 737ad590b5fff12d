package api

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
)

// trustedProxies are the ranges whose forwarding headers are believed.
type trustedProxies []netip.Prefix

// parseTrusted reads addresses and CIDR ranges.
func parseTrusted(ranges []string) (trustedProxies, error) {
	var trusted trustedProxies
	for _, s := range ranges {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			addr, errAddr := netip.ParseAddr(s)
			if errAddr != nil {
				return nil, fmt.Errorf("trusted proxy %q: %w", s, err)
			}
			addr = plainAddr(addr)
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		if inner := prefix.Addr().Unmap(); inner != prefix.Addr() && prefix.Bits() >= 96 { // IPv4 in IPv6
			prefix = netip.PrefixFrom(inner, prefix.Bits()-96)
		}
		trusted = append(trusted, prefix.Masked())
	}
	return trusted, nil
}

// isSecure reports whether the client speaks TLS, to this server or, as a
// trusted proxy says, to the proxy.
func (t trustedProxies) isSecure(r *http.Request) bool {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") != "https" {
		return r.TLS != nil
	}
	return t.contain(peerAddr(r))
}

// contain reports whether an address is a trusted proxy's; one that is not valid is not.
func (t trustedProxies) contain(addr netip.Addr) bool {
	return slices.ContainsFunc(t, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// baseURL is how the client reaches this server, such as http://localhost:4100.
func (t trustedProxies) baseURL(r *http.Request) string {
	if t.isSecure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
