package load

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

type seen struct {
	number uint32
	sent   int64
}

// scanAll feeds stream to scan in pieces, as a reader does.
func scanAll(pieces ...string) (all []seen, torn int) {
	var rest []byte
	for _, piece := range pieces {
		p := append(rest, piece...)
		left, n := scan(p, func(number uint32, sent int64) { all = append(all, seen{number, sent}) })
		rest, torn = append([]byte(nil), left...), torn+n
	}
	return all, torn
}

func marker(number uint32, sent int64) string {
	slot := []byte(MarkerSlot)
	putMarker(slot, number, sent)
	return string(slot)
}

func TestScan_FindsMarkersHoweverTheStreamIsCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream strings.Builder
		var want []seen
		for i := range rapid.IntRange(0, 6).Draw(t, "messages") {
			m := seen{uint32(i), rapid.Int64Range(0, 1<<62).Draw(t, "sent")}
			stream.WriteString(rapid.SampledFrom([]string{"", "data: x\n\n", "~", "1f\r\n"}).Draw(t, "before") + marker(m.number, m.sent))
			want = append(want, m)
		}
		stream.WriteString(rapid.SampledFrom([]string{"", "~", "~m", "\n\n"}).Draw(t, "after"))
		cut := rapid.IntRange(0, len(stream.String())).Draw(t, "cut")
		got, _ := scanAll(stream.String()[:cut], stream.String()[cut:])
		if len(got) != len(want) {
			t.Fatalf("found %d markers in %q, want %d", len(got), stream.String(), len(want))
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("marker %d: found %v, want %v", i, got[i], want[i])
			}
		}
	})
}

func TestScan_CountsATornMarkerAndGoesOn(t *testing.T) {
	good := marker(7, 1795383673803000000)
	torn := good[:9] + "\r\n" + good[9:]
	got, n := scanAll(torn + good)
	if n != 1 || len(got) != 1 || got[0].number != 7 {
		t.Fatalf("found %v with %d torn, want one marker and one torn", got, n)
	}
}

func TestMarker_FillsItsSlot(t *testing.T) {
	if got, want := marker(42, 1795383673803123456), "~m000000042.1795383673803123456_"; got != want {
		t.Fatalf("marker %q, want %q", got, want)
	}
}
