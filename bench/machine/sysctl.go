package machine

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// limits are the kernel settings that many connections want.
var limits = map[string]string{
	"net/ipv4/ip_local_port_range":   "4000 65535",
	"net/core/somaxconn":             "65535",
	"net/ipv4/tcp_max_syn_backlog":   "65535",
	"net/netfilter/nf_conntrack_max": "4194304", // where connections are tracked at all
	"net/ipv4/tcp_max_orphans":       "262144",
	// Pages, up to 8 GiB: a machine of 24 GiB allows 2.2 by itself, and a million readers
	// come to want more; the kernel then throws away what comes in, and cuts whoever it
	// cannot deliver to.
	"net/ipv4/tcp_mem": "1048576 1572864 2097152",
}

// Raise moves the kernel's limits as far as it may, and returns how to put them
// back, and what it could not move.
func Raise() (restore func() error, refused []string) { return raise("/proc/sys", limits) }

func raise(root string, limits map[string]string) (restore func() error, refused []string) {
	before := map[string]string{}
	for name, value := range limits {
		path := root + "/" + name
		old, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = write(path, value)
		}
		if err != nil {
			refused = append(refused, strings.ReplaceAll(name, "/", "."))
			continue
		}
		before[path] = strings.TrimSpace(string(old))
	}
	return func() error {
		var all []error
		for path, value := range before {
			all = append(all, write(path, value))
		}
		return errors.Join(all...)
	}, refused
}

func write(path, value string) error {
	if err := os.WriteFile(path, []byte(value+"\n"), 0o644); err != nil {
		return fmt.Errorf("set a kernel limit: %w", err)
	}
	return nil
}
