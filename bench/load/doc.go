// Package load is the load generator: a process with one thread and one epoll
// that holds up to 19,000 readers over raw HTTP/1.1, publishes, and counts what
// arrives. The benchmark starts as many of it as it wants readers, and talks to
// them in JSON lines over their standard input and output ([Generator], [Serve]).
//
// It knows no protocol but HTTP's first lines: a published message carries a
// marker (its number and the moment it was sent) in its text, and the generator
// looks for markers in whatever comes, so that it costs the same for every server
// it measures.
//
// # Concurrency properties
//
// In the generator's process everything belongs to one goroutine. It reads its
// sockets only while it carries out a command; every command is bounded in time.
// A Generator is used by one goroutine at a time.
package load
