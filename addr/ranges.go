package addr

import (
	"fmt"
	"net/netip"
	"slices"
)

// Ranges are ranges of addresses.
type Ranges []netip.Prefix

// ParseRanges reads addresses and CIDR ranges, each without a zone; one of IPv4 in IPv6 is
// that IPv4 one.
func ParseRanges(list []string) (Ranges, error) {
	var all Ranges
	for _, s := range list {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			a, errAddr := netip.ParseAddr(s)
			if errAddr != nil {
				return nil, fmt.Errorf("%q is neither an address nor a CIDR range", s)
			}
			a = Plain(a)
			prefix = netip.PrefixFrom(a, a.BitLen())
		}
		if inner := prefix.Addr().Unmap(); inner != prefix.Addr() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(inner, prefix.Bits()-96)
		}
		all = append(all, prefix.Masked())
	}
	return all, nil
}

// Contain reports whether an address is in one of the ranges; one that is not valid is not.
func (r Ranges) Contain(a netip.Addr) bool {
	a = Plain(a)
	return slices.ContainsFunc(r, func(p netip.Prefix) bool { return p.Contains(a) })
}
