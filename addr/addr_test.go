package addr

import (
	"net/netip"
	"testing"
)

func TestOwnerOf_CountsAnIPv6NetworkAsOneAndWhatCannotBeReadAsOne(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::": "2001:db8:1:2::/64", "2001:db8:1:3::": "2001:db8:1:3::/64",
		"fe80::1%eth0": "fe80::/64", "::1": "::/64",
	} {
		if got := OwnerOf(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s: %s, want %s", ip, got, want)
		}
	}
	if got := OwnerOf(netip.Addr{}); got != Unknown {
		t.Errorf("no address: %s", got)
	}
}

func TestRanges_ContainWhatTheyNameHoweverItIsWritten(t *testing.T) {
	for _, test := range []struct {
		ranges, address string
		in              bool
	}{
		{"10.0.0.0/8", "10.1.2.3", true},
		{"10.0.0.0/8", "::ffff:10.1.2.3", true},
		{"10.0.0.0/8", "11.1.2.3", false},
		{"::ffff:10.0.0.1", "10.0.0.1", true},
		{"::ffff:10.0.0.1", "::ffff:10.0.0.1", true},
		{"::ffff:10.0.0.0/104", "10.0.0.1", true},
		{"::ffff:10.0.0.0/104", "11.0.0.1", false},
		{"fe80::/64", "fe80::1%eth0", true},
		{"fe80::1%eth0", "fe80::1", true},
		{"2001:db8::1", "2001:db8::1", true},
		{"2001:db8::1", "2001:db8::2", false},
	} {
		ranges, err := ParseRanges([]string{test.ranges})
		if err != nil {
			t.Fatal(err)
		}
		if got := ranges.Contain(netip.MustParseAddr(test.address)); got != test.in {
			t.Errorf("%s in %s: %t", test.address, test.ranges, got)
		}
	}
	if (Ranges{netip.MustParsePrefix("0.0.0.0/0")}).Contain(netip.Addr{}) {
		t.Error("no address is in a range")
	}
	for _, s := range []string{"", "everyone", "10.0.0.0/99", "10.0.0", "fe80::/64%eth0"} {
		if _, err := ParseRanges([]string{s}); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}
