package assets

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
)

// brotliLevel costs some tens of milliseconds at start for all files together;
// the highest, 11, costs ten times that for a few hundred bytes.
const brotliLevel = 9

// encodings are tried in this order: the smallest first.
var encodings = []string{"br", "gzip"}

// file is one asset as it is sent: its bytes by encoding, "" for plain.
type file struct {
	contentType string
	bodies      map[string][]byte
}

// packed compresses every asset, once.
var packed = sync.OnceValue(func() map[string]file {
	m := make(map[string]file, len(files))
	for name, plain := range files {
		f := file{contentType(name), map[string][]byte{"": plain}}
		for _, encoding := range encodings {
			if b := compress(encoding, plain); len(b) < len(plain) {
				f.bodies[encoding] = b
			}
		}
		m[name] = f
	}
	return m
})

func compress(encoding string, plain []byte) []byte {
	var b bytes.Buffer
	var w interface {
		Write([]byte) (int, error)
		Close() error
	}
	if encoding == "br" {
		// The window is for files of up to 64 KiB; the default's takes 32 MB a file.
		w = brotli.NewWriterOptions(&b, brotli.WriterOptions{Quality: brotliLevel, LGWin: 16})
	} else {
		w, _ = gzip.NewWriterLevel(&b, gzip.BestCompression) // a valid level never fails
	}
	if _, err := w.Write(plain); err != nil {
		return plain // a buffer takes everything; but a plain file is right too
	}
	if err := w.Close(); err != nil {
		return plain
	}
	return b.Bytes()
}

// Handler serves the assets under [Prefix], to be cached for good, in the best
// encoding that the client takes. Any other path, another build's prefix
// included, is a plain 404. Mount it at /assets/.
func Handler() http.Handler {
	files := packed()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, ours := strings.CutPrefix(r.URL.Path, prefix)
		f, ok := files[name]
		if !ours || !ok {
			http.NotFound(w, r)
			return
		}
		f.serve(w, r, "public, max-age=31536000, immutable")
	})
}

// Favicon serves the mark, for those who ask for /favicon.ico unasked.
func Favicon() http.Handler {
	f := packed()["icons/mark.svg"]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.serve(w, r, "public, max-age=86400")
	})
}

func (f file) serve(w http.ResponseWriter, r *http.Request, cache string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "405 method not allowed", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	body := f.bodies[""]
	for _, encoding := range encodings {
		if b, ok := f.bodies[encoding]; ok && accepts(r.Header.Get("Accept-Encoding"), encoding) {
			body = b
			h.Set("Content-Encoding", encoding)
			break
		}
	}
	h.Set("Content-Type", f.contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", cache)
	h.Set("Vary", "Accept-Encoding")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // the client went away: nobody is left to tell
	}
}

// accepts reports whether an Accept-Encoding header names encoding with a
// quality above zero. "*" is not read: no browser sends it alone.
func accepts(header, encoding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), encoding) {
			continue
		}
		q, found := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		weight, err := strconv.ParseFloat(q, 64)
		return !found || err == nil && weight > 0
	}
	return false
}
