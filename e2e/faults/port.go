package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime/debug"
	"sync"
)

var (
	portsMu    sync.Mutex
	portsGiven = map[int]bool{} // guarded by portsMu
)

// freePort is a loopback port that nobody listens on, given to one caller a run.
// It lies below the range that the kernel takes for outgoing connections, and so
// does a Redis Cluster's bus, 10,000 above: both can be had again after a kill.
func freePort(ctx context.Context) (int, error) {
	portsMu.Lock()
	defer portsMu.Unlock()
	for range 1000 {
		port := 12_000 + rand.IntN(9_000)
		if portsGiven[port] {
			continue
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		_ = l.Close()
		portsGiven[port] = true
		return port, nil
	}
	return 0, errors.New("no free port between 12000 and 21000")
}

// raceDetector reports whether this program was built with it.
func raceDetector() bool {
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return false
	}
	for _, setting := range info.Settings {
		if setting.Key == "-race" {
			return setting.Value == "true"
		}
	}
	return false
}
