package api

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"causette/addr"
)

// headerForwardedFor is the one header in which proxies are believed. X-Real-IP and
// its like pass most proxies as the client sent them.
const headerForwardedFor = "X-Forwarded-For"

// owner is whom a request counts for, in limits and in the log: an IPv4 address, the
// /64 of an IPv6 address, or [addr.Unknown].
func (t trustedProxies) owner(r *http.Request) string {
	return addr.OwnerOf(t.clientAddr(r))
}

// clientAddr is the address that a request comes from: the peer's, or, looking through
// trusted proxies, the right-most in X-Forwarded-For that is no trusted proxy's; the
// left-most where all are. It is not valid if it can't be read: an entry that is none
// says that there is somebody, and not who.
func (t trustedProxies) clientAddr(r *http.Request) netip.Addr {
	client := peerAddr(r)
	if !t.Contain(client) {
		return client
	}
	for _, line := range slices.Backward(r.Header[headerForwardedFor]) {
		for chain, entry := line, ""; chain != ""; {
			chain, entry = cutLast(chain)
			if entry == "" {
				continue // an empty element of a list is none (RFC 9110, section 5.6.1)
			}
			if client = parseForwarded(entry); !t.Contain(client) {
				return client
			}
		}
	}
	return client
}

// cutLast takes the last element off a list.
func cutLast(list string) (rest, last string) {
	comma := strings.LastIndexByte(list, ',')
	return list[:max(comma, 0)], strings.Trim(list[comma+1:], " \t")
}

// peerAddr is the other end of a request's connection.
func peerAddr(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil { // such as a Unix socket's
		return netip.Addr{}
	}
	return addr.Plain(peer.Addr())
}

// parseForwarded reads an entry of X-Forwarded-For as the proxies there are write it: an
// address, perhaps in brackets, perhaps with a port, perhaps in quotes. It is not valid
// if it is none of these.
func parseForwarded(entry string) netip.Addr {
	if n := len(entry); n >= 2 && entry[0] == '"' && entry[n-1] == '"' {
		entry = entry[1 : n-1]
	}
	if plain, err := netip.ParseAddr(entry); err == nil {
		return addr.Plain(plain)
	}
	if bracketed, err := netip.ParseAddrPort(entry + ":0"); err == nil && strings.HasSuffix(entry, "]") {
		return addr.Plain(bracketed.Addr())
	}
	withPort, err := netip.ParseAddrPort(entry)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Plain(withPort.Addr())
}

// isSilentProxy reports whether a request is a trusted proxy's own, such as its look at
// whether an instance lives: it says of nobody that it asks for them.
func (t trustedProxies) isSilentProxy(r *http.Request) bool {
	return len(r.Header[headerForwardedFor]) == 0 && t.Contain(peerAddr(r))
}
