package assets

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// wire is what all scripts and styles together may weigh, compressed.
const wire = 60 << 10

func TestAssets_FitTheirBudget(t *testing.T) {
	total := 0
	for name, f := range packed() {
		if ext := path.Ext(name); ext == ".js" || ext == ".css" {
			total += len(f.bodies["br"])
		}
	}
	t.Logf("%d bytes of scripts and styles", total)
	if total == 0 || total > wire {
		t.Errorf("%d bytes, at most %d", total, wire)
	}
}

var imports = regexp.MustCompile(`(?m)^(?:import|\} from|import .* from) "([^"]+)";|from "([^"]+)";|new URL\("([^"]+)", import`)

func TestAssets_ImportOnlyWhatIsThere(t *testing.T) {
	n := 0
	for name, b := range files {
		if path.Ext(name) != ".js" {
			continue
		}
		for _, m := range imports.FindAllSubmatch(b, -1) {
			to := string(slices.Concat(m[1], m[2], m[3]))
			if !strings.HasPrefix(to, ".") || files[path.Join(path.Dir(name), to)] == nil {
				t.Errorf("%s imports %s", name, to)
			}
			n++
		}
	}
	if n < 20 {
		t.Errorf("only %d imports seen", n)
	}
}

func TestAssets_LieUnderOneHash(t *testing.T) {
	if !regexp.MustCompile(`^/assets/[0-9a-f]{16}/$`).MatchString(prefix) {
		t.Error(prefix)
	}
	before := hash()
	files["js/main.js"] = append(files["js/main.js"], ' ')
	defer func() { files["js/main.js"] = files["js/main.js"][:len(files["js/main.js"])-1] }()
	if hash() == before {
		t.Error("a change of one byte kept the hash")
	}
}

func TestURL_PanicsOnWhatIsNotThere(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	URL("js/none.js")
}

func TestModules_ArePreloadedButForTheWorkerAndTheTheme(t *testing.T) {
	all := Modules()
	for _, except := range []string{"js/worker.js", "js/theme.js"} {
		if slices.Contains(all, URL(except)) {
			t.Errorf("%s is preloaded", except)
		}
	}
	if !slices.Contains(all, URL("js/main.js")) || len(Styles()) == 0 {
		t.Error("the page's own files are not")
	}
}
