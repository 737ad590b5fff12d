// Command faults shows what becomes of messages when things die. It runs real
// instances and real Redis servers, has writers post and readers of several kinds read,
// does one harm after another to them, and holds every reader to the promise:
//
//	a message that was answered 201 reaches every reader of its room exactly
//	once and in order, or the reader is told by hello with resume "gap"
//
// Run it from the module's root; docs/faults.md says how, and what came out:
//
//	go run ./e2e/faults                    the table, every fault
//	go run ./e2e/faults -only drops,mix    some of them
//	go run ./e2e/faults -soak 30m          memory, goroutines and files under random faults
//	go run ./e2e/faults -herd 10000        how soon readers that fell all at once are back
//	go run ./e2e/faults -siege             one address at full strength beside honest people
//
// # The pieces
//
//   - world.go: the processes and the ways between them; instance.go, redis.go,
//     sentinel.go, cluster.go, link.go (a TCP proxy that cuts, stalls, delays, throttles)
//   - writer.go: posts, each repeated with its nonce until it is accepted
//   - reader.go: what all readers share; eventsource.go, curl.go, node.go, chromium.go: the kinds
//   - ledger.go, view.go: what was accepted, and what one reader made of it
//   - harm.go and the files named harm_*.go: the faults; row.go, table.go: one at a time
//   - siege.go: one attack on one world; siege_honest.go, siege_newcomer.go, siege_watch.go: what
//     the honest and the operator notice of it; siege_table.go: the verdict
//   - siege_attacks*.go: the attacks; siege_order.go, siege_attacker.go: the process that does them
//
// It speaks the contract of docs/protocol.md alone, and never imports what it tests.
//
// # Concurrency properties
//
// A row owns its world: every goroutine of it has ended, and every process is
// gone, when the row has returned. A view and the ledger may be used by many
// goroutines; a link too.
package main
