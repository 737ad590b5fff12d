package assets

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
)

func get(method, path, acceptEncoding string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Accept-Encoding", acceptEncoding)
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestHandler_ServesEveryFileToBeKeptForGood(t *testing.T) {
	for name, plain := range files {
		res := get("GET", URL(name), "")
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK || !bytes.Equal(body, plain) {
			t.Errorf("%s: %v, %d, %d bytes of %d", name, err, res.StatusCode, len(body), len(plain))
		}
		if len(plain) == 0 {
			t.Errorf("%s is empty", name)
		}
		for key, want := range map[string]string{
			"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff",
		} {
			if got := res.Header.Get(key); got != want {
				t.Errorf("%s: %s: %s", name, key, got)
			}
		}
		if res.Header.Get("Content-Type") == "" {
			t.Errorf("%s has no content type", name)
		}
	}
}

func TestHandler_SendsTheBestEncodingThatIsAccepted(t *testing.T) {
	for accept, want := range map[string]string{
		"": "", "identity": "", "gzip": "gzip", "gzip, deflate, br": "br", "br;q=0, gzip": "gzip", "BR ; q=0.5": "br", "br;q=x": "",
	} {
		res := get("GET", URL("js/main.js"), accept)
		if got := res.Header.Get("Content-Encoding"); got != want {
			t.Errorf("%q: %q, want %q", accept, got, want)
		}
		var body io.Reader = res.Body
		switch want {
		case "br":
			body = brotli.NewReader(res.Body)
		case "gzip":
			var err error
			if body, err = gzip.NewReader(res.Body); err != nil {
				t.Fatal(err)
			}
		}
		if b, err := io.ReadAll(body); err != nil || !bytes.Equal(b, files["js/main.js"]) {
			t.Errorf("%q: %v, %d bytes", accept, err, len(b))
		}
	}
}

func TestHandler_HasNothingElse(t *testing.T) {
	for _, path := range []string{
		"/assets/", prefix, prefix + "js/", prefix + "js", "/assets/0000000000000000/js/main.js", "/assets/js/main.js",
		prefix + "js/../js/main.js", prefix + "assets.go", prefix + "js/lib/text.test.mjs", prefix + "package.json",
	} {
		res := get("GET", path, "")
		if res.StatusCode != http.StatusNotFound || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %d %s", path, res.StatusCode, res.Header.Get("Content-Type"))
		}
		if res.Header.Get("Cache-Control") != "" {
			t.Errorf("%s: a 404 to be kept for good", path)
		}
	}
}

func TestHandler_TakesOnlyGetAndHead(t *testing.T) {
	if res := get("POST", URL("js/main.js"), ""); res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d", res.StatusCode)
	}
	res := get("HEAD", URL("js/main.js"), "")
	if body, err := io.ReadAll(res.Body); err != nil || len(body) != 0 || res.ContentLength == 0 {
		t.Errorf("HEAD: %v, %d bytes", err, len(body))
	}
}

func TestFavicon_IsTheMark(t *testing.T) {
	w := httptest.NewRecorder()
	Favicon().ServeHTTP(w, httptest.NewRequest("GET", "/favicon.ico", nil))
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/svg+xml" || strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
