// Package addr says whom an IP address counts for, wherever something is bounded by
// address, and which ranges are trusted. It imports nothing of ours and reads no request.
//
// # Concurrency
//
// Its values never change after they are made.
package addr
