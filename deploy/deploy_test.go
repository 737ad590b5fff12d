// Package deploy_test tries the files of this folder as far as that goes without
// a container engine: what they build is built, what they configure is read.
package deploy_test

import (
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestDockerfile_ItsBuildLineMakesAStaticBinaryOfWhatTheContextHolds(t *testing.T) {
	line := directive(t, "RUN CGO_ENABLED=0 ")
	binary := filepath.Join(t.TempDir(), "causette")
	build := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(line, "-o /causette", "-o "+binary, 1))
	build.Dir = buildContext(t)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}

	f, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("not static: it has a %s segment", p.Type)
		}
	}

	run := exec.CommandContext(t.Context(), binary)
	run.Dir = t.TempDir()
	run.Env = []string{"PORT=none"}
	if out, err := run.CombinedOutput(); run.ProcessState == nil || run.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "PORT") {
		t.Errorf("with a wrong PORT: %v\n%s", err, out)
	}
}

func TestDockerfile_RunsAsANumberThatIsNotRoot(t *testing.T) {
	if user := directive(t, "USER "); !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(user) {
		t.Errorf("USER %s", user)
	}
}

func TestNginx_AcceptsTheConfiguration(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed; ./check installs it")
	}
	conf := string(read(t, "nginx.conf"))
	for old, replacement := range map[string]string{
		"server causette-1:4100;": "server 127.0.0.1:4101;",
		"server causette-2:4100;": "server 127.0.0.1:4102;",
		"listen 80;":              "listen 127.0.0.1:8080;",
	} {
		if n := strings.Count(conf, old); n != 1 {
			t.Errorf("%q stands there %d times", old, n)
		}
		conf = strings.Replace(conf, old, replacement, 1)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	test := exec.CommandContext(t.Context(), nginx, "-t", "-p", dir, "-e", "stderr", "-c", path,
		"-g", "pid "+filepath.Join(dir, "nginx.pid")+";")
	if out, err := test.CombinedOutput(); err != nil {
		t.Errorf("nginx -t: %v\n%s", err, out)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// directive is the one line of the Dockerfile that begins so, less its keyword.
func directive(t *testing.T, prefix string) string {
	t.Helper()
	for line := range strings.Lines(string(read(t, "Dockerfile"))) {
		if strings.HasPrefix(line, prefix) {
			_, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			return rest
		}
	}
	t.Fatalf("the Dockerfile has no line %q", prefix)
	return ""
}

// buildContext copies what Dockerfile.dockerignore lets through to a folder.
func buildContext(t *testing.T) string {
	t.Helper()
	context := t.TempDir()
	for line := range strings.Lines(string(read(t, "Dockerfile.dockerignore"))) {
		pattern, included := strings.CutPrefix(strings.TrimSpace(line), "!")
		if !included {
			continue
		}
		matches, err := filepath.Glob(filepath.Join("..", pattern))
		if err != nil || len(matches) == 0 {
			t.Fatalf("%s: nothing is called so (%v)", pattern, err)
		}
		for _, path := range matches {
			copyTree(t, path, filepath.Join(context, filepath.Base(path)))
		}
	}
	return context
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		relative, errRelative := filepath.Rel(from, path)
		switch {
		case err != nil:
			return err
		case errRelative != nil:
			return errRelative
		case d.IsDir() && d.Name() == "testdata":
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, relative), 0o700)
		case strings.HasSuffix(path, "_test.go"):
			return nil
		}
		return os.WriteFile(filepath.Join(to, relative), read(t, path), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}
