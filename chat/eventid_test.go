package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"testing"
)

func TestParseEventID_ReadsOnlyTheFormThatStringWrites(t *testing.T) {
	for _, s := range []string{
		"0-0",
		"1-0",
		"1795383673803-57",
		"9223372036854775807-9223372036854775807",
	} {
		id, err := ParseEventID(s)
		if err != nil {
			t.Errorf("ParseEventID(%q): %v", s, err)
		}
		if id.String() != s {
			t.Errorf("ParseEventID(%q) writes itself as %q", s, id)
		}
	}
}

func TestParseEventID_RefusesEveryOtherForm(t *testing.T) {
	for name, s := range map[string]string{
		"empty":                    "",
		"no separator":             "1795383673803",
		"no seq":                   "1795383673803-",
		"no epoch":                 "-57",
		"only the separator":       "-",
		"two separators":           "1-2-3",
		"negative seq":             "1--2",
		"negative epoch":           "-1-2",
		"plus sign":                "+1-2",
		"plus sign in seq":         "1-+2",
		"leading zero":             "01-2",
		"leading zero in seq":      "1-02",
		"seq in no epoch":          "0-1",
		"space":                    " 1-2",
		"newline":                  "1-2\n",
		"NUL":                      "1-2\x00",
		"hexadecimal":              "0x1-2",
		"underscore":               "1_000-2",
		"exponent":                 "1e3-2",
		"arabic digits":            "١-٢",
		"past int64":               "9223372036854775808-0",
		"seq past int64":           "1-9223372036854775808",
		"Redis's least id":         "-",
		"Redis's greatest id":      "+",
		"Redis's newest entry":     "$",
		"Redis's partial id":       "1-*",
		"an exclusive range of it": "(1-2",
	} {
		id, err := ParseEventID(s)
		var invalid *Invalid
		if !errors.As(err, &invalid) || invalid.Code != "invalid_event_id" {
			t.Errorf("%s: ParseEventID(%q) = %v, %v; want invalid_event_id", name, s, id, err)
		}
		if !id.IsZero() {
			t.Errorf("%s: a refused id is %v, not zero", name, id)
		}
	}
}

func TestEventID_BackStopsBeforeTheFirstEvent(t *testing.T) {
	for _, c := range []struct {
		from EventID
		n    int64
		want EventID
	}{
		{EventID{7, 3}, 0, EventID{7, 3}},
		{EventID{7, 3}, 1, EventID{7, 2}},
		{EventID{7, 3}, 3, EventID{7, 0}},
		{EventID{7, 3}, 4, EventID{}},
		{EventID{7, 0}, 1, EventID{}},
		{EventID{7, 3}, math.MaxInt64, EventID{}},
		{EventID{}, 1, EventID{}},
	} {
		if got := c.from.Back(c.n); got != c.want {
			t.Errorf("%v.Back(%d) = %v, want %v", c.from, c.n, got, c.want)
		}
	}
}

func TestEventID_PrecedesOnlyTheNextEvent(t *testing.T) {
	for _, c := range []struct {
		id, next EventID
		want     bool
	}{
		{EventID{}, EventID{7, 0}, true},
		{EventID{}, EventID{7, 1}, false},
		{EventID{7, 0}, EventID{7, 1}, true},
		{EventID{7, 0}, EventID{7, 0}, false},
		{EventID{7, 0}, EventID{7, 2}, false},
		{EventID{7, 1}, EventID{7, 0}, false},
		{EventID{7, 0}, EventID{8, 1}, false},
		{EventID{7, 9}, EventID{8, 0}, false}, // a new log does not continue the old one
	} {
		if got := c.id.Precedes(c.next); got != c.want {
			t.Errorf("%v.Precedes(%v) = %t", c.id, c.next, got)
		}
	}
}

func TestEventID_AdjoinsTheNextSeqInTheSameEpochOrALaterOne(t *testing.T) {
	for _, c := range []struct {
		id, next EventID
		want     bool
	}{
		{EventID{}, EventID{7, 0}, true},
		{EventID{}, EventID{7, 1}, false},
		{EventID{7, 0}, EventID{7, 1}, true},
		{EventID{7, 0}, EventID{8, 1}, true},
		{EventID{8, 0}, EventID{7, 1}, false},
		{EventID{7, 0}, EventID{8, 0}, false},
		{EventID{7, 0}, EventID{8, 2}, false},
	} {
		if got := c.id.Adjoins(c.next); got != c.want {
			t.Errorf("%v.Adjoins(%v) = %t", c.id, c.next, got)
		}
	}
}

func TestEventID_CompareOrdersAsAStreamDoes(t *testing.T) {
	ordered := []EventID{{}, {1, 0}, {1, 1}, {1, 10}, {2, 0}, {2, math.MaxInt64}, {math.MaxInt64, 0}}
	for i, a := range ordered {
		for j, b := range ordered {
			want := 0
			switch {
			case i < j:
				want = -1
			case i > j:
				want = 1
			}
			if got := a.Compare(b); got != want {
				t.Errorf("%v.Compare(%v) = %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestEventID_IsAStringInJSON(t *testing.T) {
	b, err := json.Marshal(EventID{1795383673803, 57})
	if err != nil || string(b) != `"1795383673803-57"` {
		t.Fatalf("Marshal: %s, %v", b, err)
	}
	var id EventID
	if err := json.Unmarshal(b, &id); err != nil || id != (EventID{1795383673803, 57}) {
		t.Fatalf("Unmarshal: %v, %v", id, err)
	}
	if err := json.Unmarshal([]byte(`"1-02"`), &id); err == nil {
		t.Fatalf("Unmarshal took an id of another form: %v", id)
	}
}

// fits reports whether a decimal number of at most 19 digits fits in 63 bits.
func fits(digits string) bool {
	return fmt.Sprintf("%019s", digits) <= strconv.Itoa(math.MaxInt64)
}

func FuzzParseEventID(f *testing.F) {
	for _, s := range []string{"0-0", "1795383673803-57", "01-1", "1-", "-1", "0-1", "+1-1", "9223372036854775808-0"} {
		f.Add(s)
	}
	form := regexp.MustCompile(`^(0|[1-9][0-9]{0,18})-(0|[1-9][0-9]{0,18})$`)
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseEventID(s)
		parts := form.FindStringSubmatch(s)
		isID := parts != nil && fits(parts[1]) && fits(parts[2]) && (parts[1] != "0" || parts[2] == "0")
		if isID != (err == nil) {
			t.Fatalf("%q is read as %v, %v", s, id, err)
		}
		if err != nil {
			if !id.IsZero() {
				t.Fatalf("%q is refused and yet %v", s, id)
			}
			return
		}
		if id.String() != s {
			t.Fatalf("%q is read as %v", s, id)
		}
		if id.Epoch < 0 || id.Seq < 0 {
			t.Fatalf("%q is read as a negative id %v", s, id)
		}
		if back := id.Back(1); !back.Precedes(id) && id.Seq != 0 {
			t.Fatalf("%v.Back(1) = %v, which does not precede it", id, back)
		}
	})
}
