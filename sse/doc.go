// Package sse takes events to sockets: it keeps the end of each open room's log
// in memory as bytes ready for the wire, and sends it to whoever reads the room
// over Server-Sent Events.
//
// A room is a log and a client is a position in it. The end of the log is the
// room's tail, one run of bytes that all its readers share, each event encoded
// once. A reader is two numbers, how far it has been sent and where its live part
// begins, and an id while it catches up from the log: there is no queue or copy
// per reader but of one frame that its full socket cut, and live, resuming and
// slow readers take the same road. Whoever falls off the back of the tail is
// closed with a reason and comes back with Last-Event-ID.
//
//	frame    an event, and what a stream says of itself, as SSE bytes
//	tail     the byte log of one room; index says which bytes are which event, and
//	         wake tells of what is new
//	room     what happens in a room, taken from the feed into its tail
//	hub      which rooms are open here, and which streams they have; entry is one
//	         of those rooms, from its first reader until some time after its last
//	admission who may come in: how many streams an instance and an address have
//	aftermath giving back what many who came at once leave in memory
//	drain    taking leave of every stream when the instance stops
//	stream   one reader: from its coming to its hello to its end
//	place    where it begins, and the verdict on where it says it was; await is
//	         how it waits for what that takes
//	catchup  its road through the log into the tail, if it has a goroutine; behind
//	         is that of a reader of a loop
//	pages    what such readers share of the log, so that a herd reads it once: each
//	         page as bytes ready for the wire, in the library of all rooms; answer
//	         is how a goroutine waits for one, steps how a loop's readers do, and
//	         loads are the questions to the logs, in turn by address
//	budget   the memory of all that grows: tails (whose least used shrink first),
//	         pages, and what readers that catch up hold
//	pace     how long it waits: heartbeats, back-off, its turn to leave
//	handler  the writer that has a goroutine per client
//	poller   the writer that takes the socket from net/http, on Linux: its
//	         loops, their readers by room (group), what they do (serve), what
//	         the kernel tells them (epoll), heartbeats (wheel) and their drain
//	         (departure)
//	limit    how many streams the limit of open files allows
//
// It never speaks to Redis, routes a request, or knows what a nickname or a text
// may be.
//
// # Concurrency
//
// A [Hub] is safe for concurrent use. A tail has one writer, the feed's call of
// Receive; readers read published bytes without a lock, because published bytes
// never change. Nothing waits for a listener or for Redis while it holds a lock:
// an append costs the same with one reader or ten thousand, stalled or not.
// [Hub.Serve] runs in its caller's goroutine, and returns early from a stream that
// the poller takes over. A loop's readers and their descriptors belong to its
// goroutine; others reach it through its inbox and its queue alone, and tell it
// without waiting. It gives a room a bounded slice of time before it looks at the
// next. The hub's own goroutines open and close rooms, read pages of logs, a few
// at a time, and run and feed the loops; [Hub.Close] waits for them. Locks are
// taken in this order: a hub's or a room's, loads', library's or tails', a tail's.
package sse
