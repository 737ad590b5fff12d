package assets

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Only *.js, so that the tests beside them, *.test.mjs, stay out.
//
//go:embed css/*.css js/*.js js/*/*.js icons/*.svg icons/*.png manifest.webmanifest
var embedded embed.FS

// types has every suffix that may be served: what is not here is a mistake.
var types = map[string]string{
	".css":         "text/css; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".svg":         "image/svg+xml",
	".png":         "image/png",
	".webmanifest": "application/manifest+json",
}

// Static after initialisation: the embedded files by name, and the prefix that
// names this very set of them.
var (
	files  = readAll()
	prefix = "/assets/" + hash() + "/"
)

func readAll() map[string][]byte {
	m := make(map[string][]byte)
	err := fs.WalkDir(embedded, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		m[name], err = embedded.ReadFile(name)
		return err
	})
	if err != nil {
		panic(fmt.Sprintf("assets: %v", err)) // an embedded file can always be read
	}
	return m
}

// hash is of every name and content, so that one changed byte anywhere gives a
// new prefix: modules import each other by name and must be of one set.
func hash() string {
	h := sha256.New()
	for _, name := range names() {
		fmt.Fprintf(h, "%s %d\n", name, len(files[name]))
		h.Write(files[name])
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

func names() []string {
	all := make([]string, 0, len(files))
	for name := range files {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// URL is the path of one asset, such as "js/main.js". It panics on a name that
// is not there: only templates call it, and each is tried at start.
func URL(name string) string {
	if _, ok := files[name]; !ok {
		panic("assets: no file named " + name)
	}
	return prefix + name
}

// Styles are the paths of the style sheets, in the order of their names.
func Styles() []string { return urls("css/", nil) }

// Modules are the paths of the scripts that the page imports, for preloading:
// without it each level of imports would cost a round trip.
func Modules() []string { return urls("js/", []string{"js/theme.js", "js/worker.js"}) }

func urls(dir string, except []string) []string {
	var us []string
	for _, name := range names() {
		if strings.HasPrefix(name, dir) && !slices.Contains(except, name) {
			us = append(us, prefix+name)
		}
	}
	return us
}

func contentType(name string) string { return types[path.Ext(name)] }
