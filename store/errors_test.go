package store

import (
	"errors"
	"io"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

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

func TestErrors_OnlyWhatIsNotAnsweredCountsAsUnanswered(t *testing.T) {
	s := idle(t, freeAddr(t), quick())
	for err, counted := range map[error]float64{
		redisError("OOM command not allowed"):  0,
		redisError("ERR unknown command"):      0,
		redisError("LOADING Redis is loading"): 1,
		io.EOF:                                 1,
	} {
		before := testutil.ToFloat64(s.metrics.unavailable)
		_ = s.failed(t.Context(), "test", err)
		if n := testutil.ToFloat64(s.metrics.unavailable) - before; n != counted {
			t.Errorf("%v counts %v times", err, n)
		}
	}
}

type redisError string

func (e redisError) Error() string { return string(e) }

func (redisError) RedisError() {}
