package systems

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"causette/bench/load"
	"causette/bench/proc"
)

// Kind is why a system is measured.
type Kind string

// The kinds, in the order of the tables.
const (
	Floor Kind = "floor"
	Ours  Kind = "ours"
	Bare  Kind = "bare"
	Rival Kind = "rival"
)

// System is a server that can be measured.
type System struct {
	Key   string // for the command line
	Name  string // for people
	Kind  Kind
	Redis bool // it wants one
	// Stores says that it keeps what is posted, for readers who come back.
	Stores bool
	// Absent is why the system can't be had here; nil if it can.
	Absent error

	prepare func(context.Context, *Shop) error
	start   func(context.Context, *Shop, Setting) (*Server, error)
}

// Setting is what one start of a system is for.
type Setting struct {
	Redis string // address; "" if the system wants none
	Posts bool   // all that is checked on a post is to be checked
	Calm  bool   // heartbeats are to be rare, as for a million readers
}

// Server is a system that runs.
type Server struct {
	Address string
	Process *proc.Process
	Reader  load.Reader
	Publish []byte // template
	// Members opens a session with a nickname for each of some clients, and makes
	// their templates; nil if the server knows no sessions.
	Members func(ctx context.Context, clients int) ([][]byte, error)
	// Allocated is how many bytes of memory the server has asked for since it began,
	// given back or not; nil of a server that does not say.
	Allocated func(context.Context) (float64, error)
	// Collect asks the server to collect its garbage, or waits until one that
	// nobody can ask has done so by itself.
	Collect func()
}

// Shop is where systems are prepared and started.
type Shop struct {
	Root  string // the repository
	Cache string // what was installed, kept from run to run
	Temp  string // gone after the run
}

// Prepare builds or installs the system.
func (s *System) Prepare(ctx context.Context, shop *Shop) {
	if s.prepare != nil {
		s.Absent = s.prepare(ctx, shop)
	}
}

// Start starts the system and waits until it listens.
func (s *System) Start(ctx context.Context, shop *Shop, setting Setting) (*Server, error) {
	server, err := s.start(ctx, shop, setting)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	if err := server.Process.Listening(ctx, server.Address); err != nil {
		server.Process.Stop()
		return nil, err
	}
	if server.Collect == nil {
		server.Collect = func() {}
	}
	return server, nil
}

// freeAddress is where a server may listen.
func freeAddress(ctx context.Context) (address, port string, err error) {
	n, err := proc.FreePort(ctx)
	port = strconv.Itoa(n)
	return net.JoinHostPort("127.0.0.1", port), port, err
}

// scratch is a fresh directory that is gone after the run.
func (s *Shop) scratch(name string) (string, error) { return os.MkdirTemp(s.Temp, name+"-") }

// cached is a directory that stays from run to run.
func (s *Shop) cached(name string) (string, error) {
	dir := filepath.Join(s.Cache, name)
	return dir, os.MkdirAll(dir, 0o755)
}

// built is where a program of ours is after Prepare.
func (s *Shop) built(name string) string { return filepath.Join(s.Temp, name) }
