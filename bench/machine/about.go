// Package machine says what the benchmark runs on, and moves the kernel limits
// that it may move. Linux only.
package machine

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"causette/bench/proc"
)

// About describes the machine, with nothing that tells one from another of its kind.
type About struct {
	CPU      string            `json:"cpu"`
	Cores    int               `json:"cores"`
	Memory   int64             `json:"memory"` // bytes
	Kernel   string            `json:"kernel"`
	System   string            `json:"system"`
	Load     string            `json:"load"`     // average of the minute before
	Versions map[string]string `json:"versions"` // of programs
}

// Describe asks the machine.
func Describe(ctx context.Context) About {
	about := About{
		CPU: after(read("/proc/cpuinfo"), "model name"), Cores: runtime.NumCPU(),
		Kernel: version(read("/proc/sys/kernel/osrelease")), System: strings.Trim(after(read("/etc/os-release"), "PRETTY_NAME"), `"`),
		Versions: map[string]string{"Go": strings.TrimPrefix(runtime.Version(), "go")},
	}
	if kb, err := proc.Field(read("/proc/meminfo"), "MemTotal:"); err == nil {
		about.Memory = kb << 10
	}
	about.Load, _, _ = strings.Cut(string(read("/proc/loadavg")), " ")
	for name, command := range map[string][]string{
		"Redis": {"redis-server", "--version"}, "nginx": {"nginx", "-v"}, "Node.js": {"node", "--version"}, "gcc": {"gcc", "-dumpfullversion"},
	} {
		if v := ask(ctx, command); v != "" {
			about.Versions[name] = v
		}
	}
	return about
}

func read(path string) []byte {
	text, _ := os.ReadFile(path) // what cannot be read is left out
	return text
}

// after is the value behind a name and a colon or an equals sign.
func after(text []byte, name string) string {
	for line := range bytes.Lines(text) {
		rest, found := bytes.CutPrefix(line, []byte(name))
		rest = bytes.TrimLeft(rest, " \t")
		if found && len(rest) > 0 && (rest[0] == ':' || rest[0] == '=') {
			return string(bytes.TrimSpace(rest[1:]))
		}
	}
	return ""
}

var versionNumber = regexp.MustCompile(`\d+(\.\d+)+`)

// version is the first version number in what a program says of itself; the
// kernel's further letters would tell one machine from another.
func version(text []byte) string { return string(versionNumber.Find(text)) }

func ask(ctx context.Context, command []string) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return ""
	}
	return version(out)
}

// Available is the memory that programs can still get, in bytes.
func Available() (int64, error) {
	kb, err := proc.Field(read("/proc/meminfo"), "MemAvailable:")
	return kb << 10, err
}

// Sockets is the kernel's own count of TCP sockets, and of the bytes in their buffers.
type Sockets struct {
	InUse  int64 `json:"in_use"`
	Memory int64 `json:"memory"`
}

// CountSockets reads /proc/net/sockstat.
func CountSockets() Sockets { return parseSockstat(read("/proc/net/sockstat")) }

func parseSockstat(text []byte) (s Sockets) {
	fields := strings.Fields(after(text, "TCP"))
	for i := 0; i+1 < len(fields); i += 2 {
		n, err := strconv.ParseInt(fields[i+1], 10, 64)
		if err != nil {
			continue
		}
		switch fields[i] {
		case "inuse":
			s.InUse = n
		case "mem":
			s.Memory = n * int64(os.Getpagesize())
		}
	}
	return s
}

// Slabs is the memory in the kernel's object caches, by name, in bytes. It needs
// root, and is empty without.
func Slabs() map[string]int64 { return parseSlabinfo(read("/proc/slabinfo")) }

// parseSlabinfo reads lines of "name active total size perslab pages : …".
func parseSlabinfo(text []byte) map[string]int64 {
	slabs := map[string]int64{}
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) < 6 {
			continue
		}
		total, errTotal := strconv.ParseInt(string(fields[2]), 10, 64)
		size, errSize := strconv.ParseInt(string(fields[3]), 10, 64)
		if errTotal == nil && errSize == nil {
			slabs[string(fields[0])] = total * size
		}
	}
	return slabs
}
