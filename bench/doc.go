// Command bench measures Causette: beside a floor that no server with one write(2)
// per delivery goes below, beside what most people would write, and beside
// rivals, all in the same run on the same machine.
//
//	go run ./bench                              everything, three times: about 35 minutes
//	go run ./bench -quick                       a first impression: about 6 minutes
//	go run ./bench -only causette,nchan -readers 1000 -runs 1
//	go run ./bench -far 100000,300000,1000000   how many idle readers one machine holds
//	go run ./bench -rooms                       many rooms, and small ones beside a large one
//	go run ./bench -render                      docs/performance.md from the results there are
//
// Results go to bench/results/*.json and, with -docs, into docs/performance.md. Only
// loopback is used. Everything is bounded in time and number, and every process
// is ended, also on Ctrl-C. Linux only; docs/performance.md says how it measures.
//
// # Packages
//
//	load      the load generator
//	systems   what is measured, and how it is got and started
//	proc      processes, and what they cost
//	machine   the machine, and the kernel's limits
//	bare      the gin and go-redis servers to compare with
//	floor     the floor, in C
//	rivals    servers on rivals' libraries; modules and packages of their own
//
// # Concurrency properties
//
// The measuring is one goroutine, since nothing else should run while it measures.
// Only the readers of -far, which are many processes, are spoken to concurrently.
package main
