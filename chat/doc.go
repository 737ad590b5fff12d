// Package chat says what a chat is: rooms, event ids, events, messages, people,
// nicknames, texts, their limits, and the errors that every other package speaks.
//
// The values validate themselves: a [Nickname], [Text], [RoomID] or [Nonce] that
// came out of its Parse function is valid, so nothing downstream checks it again.
//
// It never does I/O, reads the clock, logs, or imports another package of ours.
//
// # Concurrency
//
// Everything here is an immutable value or a pure function, safe for concurrent use.
package chat
