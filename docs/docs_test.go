// Package docs_test holds the documents to the code and to each other.
package docs_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A code in the sources stands in one of these places: a problem of api's, a
// refusal of chat's.
var codeForms = []*regexp.Regexp{
	regexp.MustCompile(`problem\(http\.Status\w+, "(\w+)"`),
	regexp.MustCompile(`[fF]ieldProblem\(http\.Status\w+, [\w"]+, "(\w*[a-z])"`),
	regexp.MustCompile(`invalid(?:Text|Nickname)\("(\w+)"`),
	regexp.MustCompile(`Code: "(\w+)"`),
}

func TestProtocol_ListsEveryProblemCodeAndNoOther(t *testing.T) {
	inCode := map[string]bool{"invalid_limit": true, "invalid_history": true} // queryInt's, made of the name
	for _, pattern := range []string{"../api/*.go", "../chat/*.go"} {
		for _, path := range glob(t, pattern) {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			for _, form := range codeForms {
				for _, match := range form.FindAllStringSubmatch(read(t, path), -1) {
					inCode[match[1]] = true
				}
			}
		}
	}
	inTable := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| [45]\d\d \| ([^|]+) \|`).FindAllStringSubmatch(read(t, "protocol.md"), -1) {
		for _, code := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(row[1], -1) {
			inTable[code[1]] = true
		}
	}
	if got, want := slices.Sorted(maps.Keys(inTable)), slices.Sorted(maps.Keys(inCode)); !slices.Equal(got, want) {
		t.Errorf("protocol.md lists\n%v\nthe code has\n%v", got, want)
	}
}

func TestProtocol_NamesEveryKindOfEventAndEveryReasonToLeave(t *testing.T) {
	protocol := read(t, "protocol.md")
	for path, form := range map[string]string{
		"../chat/event.go": ` Kind = "(\w+)"`,
		"../sse/drain.go":  `reason = "(\w+)" +// (?:fell|this instance|the room's|too many)`,
	} {
		matches := regexp.MustCompile(form).FindAllStringSubmatch(read(t, path), -1)
		if len(matches) < 3 {
			t.Fatalf("%s: found only %v", path, matches)
		}
		for _, match := range matches {
			if !strings.Contains(protocol, "| `"+match[1]+"` |") && match[1] != "message" { // which has no name on the stream
				t.Errorf("%s has %q, protocol.md does not", path, match[1])
			}
		}
	}
}

func TestArchitecture_NamesEveryKeyThatTheStoreMakes(t *testing.T) {
	architecture := read(t, "architecture.md")
	for _, match := range regexp.MustCompile(`"(:\w+)"|"(chat:\w+)`).FindAllStringSubmatch(read(t, "../store/keys.go"), -1) {
		if key := match[1] + match[2]; !strings.Contains(architecture, key) {
			t.Errorf("keys.go makes %q, architecture.md does not name it", key)
		}
	}
}

func TestDocs_LinkOnlyToWhatIsThere(t *testing.T) {
	for _, path := range append(glob(t, "../*.md"), glob(t, "*.md")...) {
		for _, match := range regexp.MustCompile(`\]\(([^):#]+)(?:#[^)]*)?\)`).FindAllStringSubmatch(read(t, path), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), match[1])); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		if strings.Contains(read(t, path), "<!-- example") {
			t.Errorf("%s: an example is missing", path)
		}
	}
}

func TestReadme_ShowsTheSameInBothLanguages(t *testing.T) {
	shown := func(path string) []string {
		var lines []string
		for line := range strings.Lines(read(t, path)) {
			if strings.HasPrefix(line, "    ") && !strings.Contains(line, "   # ") {
				lines = append(lines, line)
			}
		}
		return lines
	}
	if en, fr := shown("../README.md"), shown("../README.fr.md"); !slices.Equal(en, fr) {
		t.Errorf("README.md shows\n%s\nREADME.fr.md shows\n%s", strings.Join(en, ""), strings.Join(fr, ""))
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: nothing is called so (%v)", pattern, err)
	}
	return paths
}
