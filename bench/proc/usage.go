package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Tree is the process and all that descend from it, as of now.
func (p *Process) Tree() ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has just ended
		}
		if pid, parent, err := parseStat(text); err == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	tree := []int{p.PID()}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, children[tree[i]]...)
	}
	return tree, nil
}

// parseStat reads a process's id and its parent's from /proc/PID/stat. The name
// between them may hold anything, parentheses too.
func parseStat(text []byte) (pid, parent int, err error) {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return 0, 0, errors.New("no name in it")
	}
	if pid, err = strconv.Atoi(string(bytes.TrimSpace(text[:open]))); err != nil {
		return 0, 0, err
	}
	fields := bytes.Fields(text[end+1:])
	if len(fields) < 2 {
		return 0, 0, errors.New("too short")
	}
	parent, err = strconv.Atoi(string(fields[1]))
	return pid, parent, err
}

// CPU is the user and system time that the processes have used, as the scheduler
// counts it, in ns, thread by thread. Threads that have ended are not counted, so
// a difference is right for programs that keep their threads, as servers do.
func CPU(pids []int) (time.Duration, error) {
	var total time.Duration
	for _, pid := range pids {
		paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil {
			return 0, err
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				continue // the thread has just ended
			}
			used, err := parseSchedstat(text)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", path, err)
			}
			total += used
		}
	}
	if total == 0 {
		return 0, errors.New("no CPU time of these processes in /proc: did they end?")
	}
	return total, nil
}

// parseSchedstat reads the time on a CPU from "<ns on CPU> <ns waiting> <slices>".
func parseSchedstat(text []byte) (time.Duration, error) {
	fields := bytes.Fields(text)
	if len(fields) != 3 {
		return 0, fmt.Errorf("unexpected %q", text)
	}
	ns, err := strconv.ParseInt(string(fields[0]), 10, 64)
	return time.Duration(ns), err
}

// Resident is the memory of the processes that is in RAM, in bytes, each page
// shared among them counted once in proportion (Pss).
func Resident(pids []int) (int64, error) {
	var total int64
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, fmt.Errorf("resident memory: %w", err)
		}
		n, err := Field(text, "Pss:")
		if err != nil {
			return 0, fmt.Errorf("resident memory: %w", err)
		}
		total += n << 10
	}
	return total, nil
}

// Field is the number behind a name in a file such as /proc/meminfo.
func Field(text []byte, name string) (int64, error) {
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) >= 2 && string(fields[0]) == name {
			return strconv.ParseInt(string(fields[1]), 10, 64)
		}
	}
	return 0, fmt.Errorf("no %q", name)
}
