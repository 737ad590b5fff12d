// Package conns bounds the connections of one instance that are no streams, and
// shares them out among those who own them: see [Limiter].
//
// # Whose a connection is
//
// The owner of a connection is its peer's address, of IPv6 the /64. A trusted
// proxy's connection belongs to the client whose request it carries, for as long as
// that request lasts ([Limiter.Owned]), and to the proxy between two requests.
//
// # The rules
//
//   - A connection is active, or it waits: it is accepted and not read, and costs a
//     descriptor and no goroutine. So the kernel's queue never stands still, and
//     nobody waits there behind somebody else's connections.
//   - One owner has at most a quarter of the places; a proxy may have all. The rest
//     of an owner's connections wait for one another. An idle one is closed at once
//     when another one of its owner waits; the answers meanwhile say "close".
//   - When all places are taken, the owner that has the most loses the one without
//     progress for longest, at once, if it is over its share. Where all have few, the
//     next waits until one has made no progress for a grace.
//   - Progress is a byte, read or written. How long a phase of a request may last in
//     all is bounded by net/http's timeouts.
//   - Those who wait are of a bounded number, by owner and in all, and for a bounded
//     time. Past it the owner that has the most waiting loses its oldest.
//
// # Concurrency
//
// All methods may be called at any time from any goroutine. One lock guards all
// places; connections are closed after it is let go. There is no goroutine: Accept
// takes in what comes, and is interrupted when one that waited has a place. The sweep
// that looks for those without progress is a timer, armed only while somebody waits.
package conns
