package store

import (
	"context"
	"embed"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed *.lua
var luaFiles embed.FS

// lua makes one script of the named files, in order: what is shared comes first.
// It runs by EVALSHA, and by EVAL where Redis does not know it (yet, or any more).
func lua(names ...string) *redis.Script {
	var src strings.Builder
	for _, name := range names {
		b, err := luaFiles.ReadFile(name + ".lua")
		if err != nil {
			panic(err) // the files are compiled in: a wrong name never gets past a test
		}
		src.Write(b)
	}
	return redis.NewScript(src.String())
}

// run runs a script within the time a call has, and returns its reply.
func (s *Store) run(ctx context.Context, doing string, script *redis.Script, keys []string, args ...any) (any, error) {
	v, err := s.runScript(ctx, script, keys, args)
	return v, s.failed(ctx, doing, err)
}

// read is run for what only reads.
func (s *Store) read(ctx context.Context, doing string, script *redis.Script, keys []string, args ...any) (any, error) {
	v, err := s.runScript(ctx, script, keys, args)
	return v, s.failedRead(ctx, doing, err)
}

func (s *Store) runScript(ctx context.Context, script *redis.Script, keys []string, args []any) (any, error) {
	call, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	return script.Run(call, s.client, keys, args...).Result()
}

// reply reads the array that a script returns, item by item. The first item that
// is not what it should be makes err, and everything after it zero.
type reply struct {
	items []any
	err   error
}

func newReply(v any) *reply {
	items, ok := v.([]any)
	if !ok {
		return &reply{err: fmt.Errorf("script replied %T, not an array", v)}
	}
	return &reply{items: items}
}

func next[T any](r *reply) (v T) {
	if r.err != nil {
		return v
	}
	if len(r.items) == 0 {
		r.err = fmt.Errorf("script's reply is too short")
		return v
	}
	v, ok := r.items[0].(T)
	if !ok {
		r.err = fmt.Errorf("script replied %T, not %T", r.items[0], v)
	}
	r.items = r.items[1:]
	return v
}

func (r *reply) text() string  { return next[string](r) }
func (r *reply) number() int64 { return next[int64](r) }
func (r *reply) list() []any   { return next[[]any](r) }
