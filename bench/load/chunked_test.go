package load

import (
	"bytes"
	"net/http/httputil"
	"testing"

	"pgregory.net/rapid"
)

func TestChunked_GivesTheContentHoweverItIsCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream, want bytes.Buffer
		w := httputil.NewChunkedWriter(&stream)
		for range rapid.IntRange(0, 5).Draw(t, "chunks") {
			part := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "part")
			want.Write(part)
			if _, err := w.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		c := chunked{on: true}
		var got []byte
		for p := stream.Bytes(); len(p) > 0; {
			n := rapid.IntRange(1, len(p)).Draw(t, "cut")
			got = append(got, c.decode(bytes.Clone(p[:n]))...)
			p = p[n:]
		}
		if !bytes.Equal(got, want.Bytes()) {
			t.Fatalf("got %q, want %q", got, want.Bytes())
		}
	})
}

func TestChunked_PassesOverExtensions(t *testing.T) {
	c := chunked{on: true}
	if got := c.decode([]byte("5;a=b\r\nhello\r\nA\r\n0123456789\r\n")); string(got) != "hello0123456789" {
		t.Fatalf("%q", got)
	}
}

func TestChunked_LeavesAPlainBodyAlone(t *testing.T) {
	var c chunked
	if got := c.decode([]byte("5\r\nhello")); string(got) != "5\r\nhello" {
		t.Fatalf("%q", got)
	}
}
