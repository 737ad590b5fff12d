// Package embedded is a Redis inside the process, for those who have none: the first
// instance of a user holds it, the others are its clients, and one of them takes over
// when the holder goes away. Nothing in it survives its process.
//
//   - redis.go: who holds it, and where it is; neighbour.go: who answers at a place
//   - socket.go, owner_*.go: the Unix socket that it listens at, in a directory that is
//     this user's alone, and the lock that makes one the holder
//   - server.go: miniredis, served so that a command which fails ends its connection
//   - admitted.go, command.go: which commands, and in what form
//
// # What it trusts
//
// The directory keeps other users out, and this package joins nothing in a directory
// that another user made. Whoever is the same user may read and change everything; what
// arrives from him is held to a strict form and to the commands that Causette and a
// person with redis-cli need. That is against accidents: he may end the process as well.
//
// # Concurrency properties
//
// [Redis.Dial] and [Redis.Holding] are safe for concurrent use. [Open] and then
// [Redis.Run] own everything else. Run waits for every goroutine before it returns. One
// command runs at a time, as in Redis; a client that does not take its answers is cut
// off after a second, since all others wait for it meanwhile.
package embedded
