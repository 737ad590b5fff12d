package store

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// pipelineWindow is how many groups of posts may be on their way to Redis at once. More
// wait, within the time that a call has.
const pipelineWindow = 8192

// pipelined makes the way that posts take: one connection (one a node, of a
// Cluster) which all share, written to without waiting for answers. Measured
// against the pool in docs/architecture.md. Where the client has none, posts take
// the client's own way. It is closed with the client.
func pipelined(client redis.UniversalClient) redis.Scripter {
	c, ok := client.(interface {
		AutoPipelineWithOptions(*redis.AutoPipelineOptions) (*redis.AutoPipeliner, error)
	})
	if !ok {
		return client
	}
	pipe, err := c.AutoPipelineWithOptions(&redis.AutoPipelineOptions{
		FullDuplex: true, FullDuplexWindow: pipelineWindow,
	})
	if err != nil {
		return client // options that this kind of client does not take
	}
	return pipe
}

// post runs a script, over a connection of its own if no other post is on its way,
// and else over the shared pipeline: that is the longer way, through goroutines of
// go-redis's own, but one write carries many. What go-redis sends again after a
// network error must be safe to run twice: append.lua is, by its nonces.
//
// The pipeline does not look at ctx once a command is written. So the caller only
// waits until ctx ends; the command is then on its own, until go-redis has an
// answer or gives up, within a few times its ReadTimeout.
func (s *Store) post(ctx context.Context, script *redis.Script, keys []string, args ...any) (any, error) {
	defer s.posting.Add(-1)
	if s.posting.Add(1) == 1 {
		return script.Run(ctx, s.clients.posts, keys, args...).Result()
	}
	done := make(chan *redis.Cmd, 1)
	go func() { done <- script.Run(ctx, s.pipeline, keys, args...) }()
	select {
	case cmd := <-done:
		return cmd.Result()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
