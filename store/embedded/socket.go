package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/gofrs/flock"
)

// maxPath is how long a socket's path may be: macOS has room for 103 bytes, Linux for 107.
const maxPath = 103

// errHeld is why a socket can't be had: another process holds its lock.
var errHeld = errors.New("held by another process")

// socket is where an embedded Redis may listen: redis.sock in a directory of this
// user's own, beside the lock that its holder has for as long as it lives.
type socket struct{ dir string }

// sockets are those of this user, the better first.
func sockets(runtimeDir, tempDir string) []socket {
	var s []socket
	if runtimeDir != "" {
		s = append(s, socket{filepath.Join(runtimeDir, "causette")})
	}
	name := "causette"
	if uid := os.Geteuid(); uid >= 0 { // Windows has none, and a temporary directory for each user
		name += "-" + strconv.Itoa(uid)
	}
	return append(s, socket{filepath.Join(tempDir, name)})
}

func (s socket) path() string { return filepath.Join(s.dir, "redis.sock") }

func (s socket) place() place { return place{"unix", s.path()} }

// check sees that the directory is there and nobody else's: what stands in another's is
// neither joined nor replaced. The error says what is wrong, and what to do.
func (s socket) check() error {
	if len(s.path()) > maxPath {
		return fmt.Errorf("%s is too long a path for a socket: %d bytes are possible", s.path(), maxPath)
	}
	info, err := os.Lstat(s.dir) // a link is nothing that this program makes
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", s.dir)
	}
	if err := private(s.dir, info); err != nil {
		return err
	}
	parent, err := os.Stat(filepath.Dir(s.dir))
	if err != nil {
		return err
	}
	return unmovable(filepath.Dir(s.dir), parent)
}

// listen takes the lock and listens. [errHeld] says that somebody else does, or is about to.
func (s socket) listen(ctx context.Context) (*listener, error) {
	if len(s.path()) <= maxPath {
		if err := os.Mkdir(s.dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(s.dir, "lock"), flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", lock.Path(), err)
	}
	if !locked {
		return nil, errHeld
	}
	l, err := s.replace(ctx)
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	l.lock = lock
	return l, nil
}

// replace puts a listening socket in place of what a dead holder left. The caller has the lock.
func (s socket) replace(ctx context.Context) (*listener, error) {
	if conn, who := ask(ctx, s.place()); who != nobody { // its lock was removed from under it
		if conn != nil {
			_ = conn.Close()
		}
		return nil, errHeld
	}
	if err := os.Remove(s.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "unix", s.path())
	if err != nil {
		return nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // by then another's may stand there
	info, err := os.Lstat(s.path())
	if err == nil {
		err = os.Chmod(s.path(), 0o600)
	}
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return &listener{Listener: l, path: s.path(), info: info}, nil
}

// listener is a socket that this process holds.
type listener struct {
	net.Listener
	path string
	info fs.FileInfo
	lock *flock.Flock
}

// stands reports whether the path still leads here.
func (l *listener) stands() bool {
	info, err := os.Lstat(l.path)
	return err == nil && os.SameFile(info, l.info)
}

// release removes the socket and gives the lock back.
func (l *listener) release() {
	_ = l.Close()
	if l.stands() {
		_ = os.Remove(l.path)
	}
	_ = l.lock.Close() // its file stays: to remove it would let two have a lock each
}
