package addr

import "net/netip"

// Unknown owns everything whose address can't be read: what can't be told apart is one
// owner, counted and limited like any other.
const Unknown = "unknown"

// Plain is an address without the zone, which says by which door it came in, and
// without the IPv6 around an IPv4 one.
func Plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// OwnerOf is whom an address counts for: an IPv4 address for itself, an IPv6 one, which may
// be any of its network's, for its /64, and one that is not valid for [Unknown].
func OwnerOf(a netip.Addr) string {
	a = Plain(a)
	if a.Is4() {
		return a.String()
	}
	network, err := a.Prefix(64)
	if err != nil || !a.IsValid() {
		return Unknown
	}
	return network.String()
}
