// Package store says everything that Causette says to Redis, and nothing else
// does: the log of each room and its announcements, who is where, who holds
// which nickname, the limits, and the session secret. It speaks the language of
// package chat and is the only importer of go-redis.
//
// It never knows HTTP, never keeps a copy of a log, and never waits for a reader.
//
// # The pieces
//
//   - log.go, group_commit.go, group_check.go, append.lua, nonce.go: messages are checked,
//     stored and announced, those that come at once in one step; log_trim.lua: what a log lets go of
//   - acked.go, tear.lua: a log that lost what was accepted, and everybody told
//   - history.go, page.lua: a run of the log, before or after a position; history_shared.go,
//     recent.go: what many ask for, read once
//   - announce.go, announce.lua: which way announcements go
//   - feed.go, feed_link.go, feed_route.go: the followed rooms, on one connection or, of a
//     Cluster, at their masters; feed_session.go, feed_subscribe.go, feed_channels.go,
//     feed_announcement.go: a pub/sub connection, what it subscribes and what it hears; feed_room.go,
//     feed_room_fill.go: a room's announcements made contiguous; feed_fill.go: the log
//     read where they are not
//   - presence.go, presence_room.go, presence_loop.go, presence_tell.go, presence_full.go,
//     presence.lua: who is here, over all instances, with leases; people.go: who reads a room
//   - tokens.go, token_renew.lua, token_end.lua: which of a session's tokens count
//   - rooms.go, rooms_active.go, rooms_rank.go, rooms_forget.go: the list of rooms, and its order
//   - names.go, limits.go, lazy_limiter.go, secret.go, health.go: what their names say
//   - client.go, pipeline.go: the ways to Redis, with connections of their own for posts and health
//   - package embedded: a Redis inside the process, for the newcomer's `go run .`
//
// A script is a .lua file beside the Go that runs it, and opens with a legend of
// its KEYS and ARGV. clock.lua, announce.lua, head.lua, lineage.lua, gcra.lua and
// token.lua are what several of them share. The first write of a script is one that a
// full Redis refuses, since it looks at its memory there and no later. Every key and
// channel of a room has the hash tag {room}, so that a script touches one slot of a
// Redis Cluster.
//
// # Concurrency properties
//
// Every method of [Store] is safe for concurrent use. [Store.Run] owns the
// feed, presence and health, and waits for their goroutines before it returns. A
// room whose posts are being landed has a goroutine until none wait; a step whose
// answer is overdue keeps one until go-redis gives up on it, which closing the
// client brings about. A read that requests share has one until it is answered, within the
// time of a call or two, whoever goes away. A [chat.Sink] is called by one goroutine at
// a time, in the order of the log, and must neither block nor call the Store. No lock is
// held across a call to Redis, and the loop that receives announcements never waits for
// one: a subscriber that stops reading is cut off by Redis, and holds up an embedded one
// until it is.
package store
