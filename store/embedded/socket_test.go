//go:build unix

package embedded

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSocket_ADirectoryThatIsNotThisUsersAloneIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, says string
		make       func(t *testing.T, dir string) // dir is where the socket's would be
	}{
		{"open to others", "chmod 700", func(t *testing.T, dir string) {
			must(t, os.Mkdir(dir, 0o700))
			must(t, os.Chmod(dir, 0o750)) //nolint:gosec // that is the point
		}},
		{"a link", "not a directory", func(t *testing.T, dir string) {
			must(t, os.Mkdir(dir+"-elsewhere", 0o700))
			must(t, os.Symlink(dir+"-elsewhere", dir))
		}},
		{"a file", "not a directory", func(t *testing.T, dir string) { must(t, os.WriteFile(dir, nil, 0o600)) }},
		{"where others may rename", "rename", func(t *testing.T, dir string) {
			must(t, os.Chmod(filepath.Dir(dir), 0o777)) //nolint:gosec // that is the point
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := socket{filepath.Join(shortDir(t), "causette")}
			c.make(t, s.dir)
			_, err := s.listen(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), filepath.Dir(s.dir)) {
				t.Errorf("got %v, want one that says %q", err, c.says)
			}
			if s.check() == nil {
				t.Error("it would be joined")
			}
		})
	}
	t.Run("another user's", func(t *testing.T) {
		s := socket{filepath.Join(shortDir(t), "causette")}
		must(t, os.Mkdir(s.dir, 0o700))
		if os.Geteuid() == 0 {
			must(t, os.Chown(s.dir, 65534, 65534))
		} else {
			s.dir = "/" // which is root's
		}
		if err := s.check(); err == nil || !strings.Contains(err.Error(), "another user") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("too long a path", func(t *testing.T) {
		s := socket{filepath.Join(shortDir(t), strings.Repeat("x", 100))}
		if _, err := s.listen(t.Context()); err == nil || !strings.Contains(err.Error(), "too long") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("none at all", func(t *testing.T) {
		s := socket{filepath.Join(shortDir(t), "no", "such")}
		if _, err := s.listen(t.Context()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
}

func TestSocket_NobodyElseGetsIntoItsDirectory(t *testing.T) {
	i := open(t, nowhere(t), shortDir(t))
	path := i.at.Load().address
	for _, file := range []string{filepath.Dir(path), path, filepath.Join(filepath.Dir(path), "lock")} {
		info, err := os.Lstat(file)
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, error %v", file, info.Mode(), err)
		}
	}
}

// Without a usable directory nothing is embedded, and the log says what to do.
func TestSocket_WhatIsWrongIsSaidOnceAndMendsItself(t *testing.T) {
	dir := shortDir(t)
	own := filepath.Join(dir, "causette")
	must(t, os.Mkdir(own, 0o700))
	must(t, os.Chmod(own, 0o755)) //nolint:gosec // that is the point
	i := &instance{log: &logged{}}
	i.Redis = Open(t.Context(), Options{Address: nowhere(t), RuntimeDir: dir, TempDir: filepath.Join(dir, "none"), Log: i.log.logger()})
	defer i.release()
	i.look(t.Context())
	if log := i.log.String(); i.Holding() || strings.Count(log, "set REDIS_URL") != 1 || !strings.Contains(log, "chmod 700 "+own) {
		t.Errorf("holding %v, log %s", i.Holding(), log)
	}
	must(t, os.Chmod(own, 0o700)) //nolint:gosec // a directory
	i.look(t.Context())
	if !i.Holding() {
		t.Errorf("not held once it could be: %s", i.log)
	}
}

func TestSocket_TheSecondDirectoryIsTakenWhereTheFirstCannotBe(t *testing.T) {
	address, temp := nowhere(t), shortDir(t)
	log := &logged{}
	one := Open(t.Context(), Options{Address: address, RuntimeDir: filepath.Join(temp, "none"), TempDir: temp, Log: log.logger()})
	defer one.release()
	if !one.Holding() || !strings.Contains(log.String(), "first choice") {
		t.Fatal(log)
	}
	// And joined there by one whose first could be had.
	two := open(t, address, temp)
	if two.Holding() || two.at.Load().address != one.at.Load().address {
		t.Errorf("holding %v, at %v", two.Holding(), two.at.Load())
	}
}

func TestSocket_WhatADeadHolderLeftIsReplaced(t *testing.T) {
	s := socket{filepath.Join(shortDir(t), "causette")}
	must(t, os.Mkdir(s.dir, 0o700))
	l, err := net.Listen("unix", s.path())
	must(t, err)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	must(t, l.Close())
	held, err := s.listen(t.Context())
	must(t, err)
	if _, err := s.listen(t.Context()); !errors.Is(err, errHeld) {
		t.Errorf("a second one: %v", err)
	}
	held.release()
	if _, err := os.Lstat(s.path()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after its end: %v", err)
	}
}
