package sse

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// freed is an aftermath that counts how often memory was returned.
func freed(t *testing.T) (*aftermath, *atomic.Int32) {
	var times atomic.Int32
	h := &aftermath{free: func() { times.Add(1) }}
	t.Cleanup(h.close)
	return h, &times
}

func TestAftermath_IsCleanedUpAfterOnceItHasPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, times := freed(t)
		for range 3 * herdSize { // for longer than a look
			h.stir()
			time.Sleep(herdLook / herdSize)
		}
		if n := times.Load(); n != 0 {
			t.Errorf("memory returned %d times under way", n)
		}
		time.Sleep(3 * herdLook)
		if n := times.Load(); n != 1 {
			t.Errorf("memory returned %d times after one herd", n)
		}
		for range herdSize {
			h.stir()
		}
		time.Sleep(3 * herdLook)
		if n := times.Load(); n != 2 {
			t.Errorf("memory returned %d times after two herds", n)
		}
	})
}

func TestAftermath_FewAreNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, times := freed(t)
		for range 10 * herdSize {
			h.stir()
			time.Sleep(2 * herdLook / herdSize)
		}
		time.Sleep(time.Minute)
		if n := times.Load(); n != 0 {
			t.Errorf("memory returned %d times", n)
		}
	})
}

func TestAftermath_RestsWhenClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, times := freed(t)
		for range herdSize {
			h.stir()
		}
		h.close()
		time.Sleep(time.Minute)
		if n := times.Load(); n != 0 {
			t.Errorf("memory returned %d times", n)
		}
	})
}
