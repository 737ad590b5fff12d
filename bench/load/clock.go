package load

import "time"

// clock tells Unix time in ns that never goes back within this process. The
// generators of one machine agree on it, so that one can publish and others receive.
type clock struct{ base time.Time }

func newClock() clock { return clock{base: time.Now()} }

func (c clock) now() int64 { return c.base.UnixNano() + int64(time.Since(c.base)) }
