package main

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"causette/bench/proc"
)

func TestMain(m *testing.M) {
	if _, err := proc.RaiseFiles(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
