package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"causette/bench/proc"
)

// ticksPerSecond is the unit of /proc/stat, the same on every Linux for programs (USER_HZ).
const ticksPerSecond = 100

// machineUse is how much processor time had been used at a moment.
type machineUse struct {
	at         time.Time
	all, siege time.Duration // by everybody, and by what belongs to the siege
}

// machine looks at what this program, its instances, Redis and the attackers that have ended used.
func (s *siege) machine() (u machineUse, err error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return u, err
	}
	u.at = time.Now()
	if u.all, err = usedByAll(string(stat)); err != nil {
		return u, err
	}
	pids := []int{s.redis.process.PID()}
	for _, i := range s.instances {
		pids = append(pids, i.process.PID())
	}
	if u.siege, err = proc.CPU(pids); err != nil {
		return u, err
	}
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var used unix.Rusage
		if err := unix.Getrusage(who, &used); err != nil {
			return u, err
		}
		u.siege += time.Duration(used.Utime.Nano() + used.Stime.Nano())
	}
	return u, nil
}

// usedByAll reads user, nice, system and stolen time from /proc/stat. That of interrupts
// is counted to whoever ran when they came.
func usedByAll(stat string) (time.Duration, error) {
	first, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(first)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, fmt.Errorf("/proc/stat begins with %q", first)
	}
	var ticks int64
	for _, at := range []int{1, 2, 3, 8} {
		n, err := strconv.ParseInt(fields[at], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

// others is the share of the machine's processors that others had between two looks.
func (u machineUse) others(before machineUse) float64 {
	elapsed := u.at.Sub(before.at) * time.Duration(runtime.NumCPU())
	if elapsed <= 0 {
		return 0
	}
	return max(0, float64((u.all-before.all)-(u.siege-before.siege))/float64(elapsed))
}
