package store

import (
	"errors"
	"testing"

	"causette/chat"
)

func TestErrors_AreSortedByWhoIsToBlame(t *testing.T) {
	s := idle(t, startRedis(t).addr, quick())
	for text, unavailable := range map[string]bool{
		"LOADING Redis is loading the dataset in memory":  true,
		"MISCONF Errors writing to the AOF file":          true,
		"READONLY You can't write against a replica":      true,
		"OOM command not allowed":                         true,
		"TRYAGAIN Multiple keys request during rehashing": true,
		"MOVED 10294 127.0.0.1:7001":                      true,
		"ASK 10294 127.0.0.1:7001":                        true,
		"WRONGTYPE Operation against a key":               false,
		"ERR unknown command":                             false,
	} {
		err := s.failed(t.Context(), "test", redisError(text))
		if errors.Is(err, chat.ErrUnavailable) != unavailable {
			t.Errorf("%s: %v", text, err)
		}
	}
}

type redisError string

func (e redisError) Error() string { return string(e) }

func (redisError) RedisError() {}
