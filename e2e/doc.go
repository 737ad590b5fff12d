// Package e2e tests Causette from outside: the binary as real processes beside
// real Redis servers, proxies, curl and Chromium, spoken to over sockets by the
// contract of docs/protocol.md alone. It holds tests only, and they run on Linux.
//
// It never imports another package of ours, skips for a missing program (it
// fails, naming the package to install), or waits for time to pass: it waits for
// a condition, with a deadline.
//
// Under go test -race the server is built with the race detector too, save for
// the tests that measure memory or post in bulk. CAUSETTE_E2E_SEED repeats
// the random choices of an earlier run, whose seed is in its log.
//
// # Concurrency
//
// Every process is in a process group of its own, which its test kills when it
// ends and the kernel when the test binary dies. Tests in parallel share
// nothing but the binaries.
package e2e
