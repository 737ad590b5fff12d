package api

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gin-gonic/gin"

	"causette/chat"
)

// Headers of draft-ietf-httpapi-ratelimit-headers: what a limit is, and what is left of it.
const (
	headerRateLimitPolicy = "RateLimit-Policy"
	headerRateLimit       = "RateLimit"
)

// tellLimit says in headers which limit a refused request ran into: so many in so
// much time, of which none is left for t seconds. An accepted request is not told
// of what it has left: knowing that would make each post's answer longer in Redis.
func tellLimit(c *gin.Context, err error) {
	limited, ok := errors.AsType[*chat.RateLimited](err)
	if !ok {
		return
	}
	c.Header(headerRateLimitPolicy, fmt.Sprintf("%q;q=%d;w=%d", limited.Policy, limited.Quota, int(limited.Window.Seconds())))
	c.Header(headerRateLimit, fmt.Sprintf("%q;r=0;t=%d", limited.Policy, wholeSeconds(limited.RetryAfter)))
}

// wholeSeconds is d in seconds, never too short.
func wholeSeconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
