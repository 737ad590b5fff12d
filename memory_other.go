//go:build !linux

package main

import "github.com/KimMachineGun/automemlimit/memlimit"

// processLimit is not known here.
func processLimit() (uint64, error) { return 0, memlimit.ErrNoLimit }
