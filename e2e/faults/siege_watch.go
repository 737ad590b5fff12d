package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"causette/bench/proc"
)

// readyWithin is how long an orchestrator waits for /readyz: as deploy/ has it.
const readyWithin = 2 * time.Second

// siegeWatch asks every instance whether it is ready, and how much memory it holds,
// four times a second, and sees whether it lives.
type siegeWatch struct {
	armed   atomic.Bool // what /readyz says counts
	watches sync.WaitGroup

	mu       sync.Mutex
	resident int64          // guarded by mu; the peak of an instance, bytes
	looks    int            // guarded by mu; how often somebody asked
	unready  map[string]int // guarded by mu; by what was answered
}

func newSiegeWatch() *siegeWatch { return &siegeWatch{unready: map[string]int{}} }

func (s *siegeWatch) arm()    { s.armed.Store(true) }
func (s *siegeWatch) disarm() { s.armed.Store(false) }
func (s *siegeWatch) wait()   { s.watches.Wait() }

// start watches until ctx ends. The death of an instance ends it by cancel.
func (s *siegeWatch) start(ctx context.Context, w *world, cancel context.CancelCauseFunc) {
	for _, i := range w.instances {
		s.watches.Go(func() {
			select {
			case <-i.process.Over():
				cancel(fmt.Errorf("instance :%d died: %.2000s", i.port, i.process.Output()))
			case <-ctx.Done():
			}
		})
		s.watches.Go(func() {
			for pause(ctx, 250*time.Millisecond) == nil {
				s.look(ctx, i)
			}
		})
	}
}

func (s *siegeWatch) look(ctx context.Context, i *instance) {
	peak, _ := residentPeak(i.process.PID()) // 0 of one that has just died
	armed := s.armed.Load()
	err := askReady(ctx, i.base)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resident = max(s.resident, peak)
	if !armed || !s.armed.Load() || ctx.Err() != nil {
		return
	}
	s.looks++
	if err != nil {
		s.unready[reason(err)]++
	}
}

// seen is the peak of memory in bytes, and how often /readyz did not say 200.
func (s *siegeWatch) seen() (resident int64, unready map[string]int, looks int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resident, maps.Clone(s.unready), s.looks
}

func askReady(ctx context.Context, base string) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	response, err := getOK(ctx, plain, base+"/readyz")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// residentPeak is the most memory of a process that ever was in RAM, in bytes.
func residentPeak(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	n, err := proc.Field(text, "VmHWM:")
	return n << 10, err
}
