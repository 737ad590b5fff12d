// Package api is the HTTP face of Causette: JSON over gin, the page, and the
// way into the event stream. The whole URL space is in routes.go; each resource
// has a file; every error becomes application/problem+json in problem.go. Whom a
// request counts for is client_addr.go's to say, what it costs request_cost.go's, and
// whether its cookie counts origin.go's. What only reads goes through reads.go, which
// keeps it from those who speak: turns.go, unread.go and pace.go say how.
//
// It never talks to Redis (package store does), never writes an event (package
// sse does), and never decides what a valid text or nickname is (package chat does).
//
// # Concurrency
//
// An [API] is safe for concurrent use. Each request runs in the goroutine that
// net/http gave it; the package starts none of its own.
package api
