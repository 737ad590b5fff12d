package main

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"causette/bench/proc"
)

func TestMain(m *testing.M) {
	if ordered, err := obeyOrder(context.Background(), os.Stdout); ordered { // this is a siege's attacker
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if _, err := proc.RaiseFiles(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
