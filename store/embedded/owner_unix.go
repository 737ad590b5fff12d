//go:build unix

package embedded

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// private sees that a directory is this user's, and that nobody else gets into it.
func private(dir string, info fs.FileInfo) error {
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to another user: remove it", dir)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s is open to others (%s): chmod 700 %s", dir, info.Mode().Perm(), dir)
	}
	return nil
}

// unmovable sees that nobody else can put another directory in the place of one in parent.
func unmovable(parent string, info fs.FileInfo) error {
	if info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("others may rename what is in %s (%s, without the sticky bit)", parent, info.Mode().Perm())
	}
	return nil
}
