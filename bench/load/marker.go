package load

import (
	"bytes"
	"strconv"
)

// MarkerSlot stands in a request's template for the marker that each message
// gets: its number in its room, and when it was sent, in ns of Unix time. All
// markers have its length, and no encoding (JSON, form, SSE) changes one.
const MarkerSlot = "~m000000000.0000000000000000000_"

const (
	markerOpen   = "~m"
	markerNumber = len(markerOpen) // where the number begins
	markerTime   = markerNumber + 9 + 1
	markerEnd    = markerTime + 19
)

// putMarker writes a marker over slot, which is one.
func putMarker(slot []byte, number uint32, sent int64) {
	putDigits(slot[markerNumber:markerTime-1], int64(number))
	putDigits(slot[markerTime:markerEnd], sent)
}

// putDigits writes n in decimal, right-aligned, with leading zeros.
func putDigits(dst []byte, n int64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
}

// scan calls found for each marker in p. It returns the end of p that may be the
// beginning of another, and how many were torn by bytes that do not belong.
func scan(p []byte, found func(number uint32, sent int64)) (rest []byte, torn int) {
	for {
		i := bytes.Index(p, []byte(markerOpen))
		if i < 0 {
			if n := len(p); n > 0 && p[n-1] == markerOpen[0] {
				return p[n-1:], torn
			}
			return nil, torn
		}
		p = p[i:]
		if len(p) < len(MarkerSlot) {
			return p, torn
		}
		number, sent, ok := parseMarker(p[:len(MarkerSlot)])
		if !ok {
			torn++
			p = p[len(markerOpen):]
			continue
		}
		found(number, sent)
		p = p[len(MarkerSlot):]
	}
}

func parseMarker(p []byte) (number uint32, sent int64, ok bool) {
	if p[markerTime-1] != '.' || p[markerEnd] != '_' {
		return 0, 0, false
	}
	n, err := strconv.ParseUint(string(p[markerNumber:markerTime-1]), 10, 32)
	if err != nil {
		return 0, 0, false
	}
	sent, err = strconv.ParseInt(string(p[markerTime:markerEnd]), 10, 64)
	return uint32(n), sent, err == nil
}
