package load

import (
	"errors"
	"strings"
	"testing"
)

const (
	created  = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}"
	empty    = "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"
	inChunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n3\r\n\r\n!\r\n0\r\nTrailer: z\r\n\r\n"
	refusal  = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 2\r\n\r\nno"
)

func TestResponses_CountsThemInWhateverPieces(t *testing.T) {
	stream := created + empty + inChunks + refusal + created
	for size := 1; size <= len(stream); size++ {
		var r responses
		var done, refused int
		for from := 0; from < len(stream); from += size {
			d, f, err := r.feed([]byte(stream[from:min(from+size, len(stream))]))
			if err != nil {
				t.Fatalf("pieces of %d: %v", size, err)
			}
			done, refused = done+d, refused+f
		}
		if done != 5 || refused != 1 || r.firstRefusal != 429 {
			t.Fatalf("pieces of %d: %d responses, %d refused (%d), want 5, 1 (429)", size, done, refused, r.firstRefusal)
		}
	}
}

func TestResponses_RefusesWhatIsNotHTTP(t *testing.T) {
	for _, bad := range []string{
		"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", strings.Repeat("a", maxHead+1),
	} {
		var r responses
		if _, _, err := r.feed([]byte(bad)); !errors.Is(err, errResponse) {
			t.Errorf("%.40q: error %v", bad, err)
		}
	}
}
