package sse

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"causette/chat"
)

// pingAt waits for c's next ping, at most d, looking every hundredth of it.
func pingAt(c *client, d time.Duration) (after time.Duration, found bool) {
	begin := time.Now()
	for range 100 {
		time.Sleep(d / 100)
		if slices.ContainsFunc(c.heard(), isPing) {
			return time.Since(begin), true
		}
	}
	return 0, false
}

func TestHeartbeat_ComesInSilenceAtARandomPhaseThenRegularly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		c := w.connect(t, Subscription{})
		c.news()
		if after, found := pingAt(c, 15*time.Second); !found {
			t.Errorf("no first ping in 15 s, %v", after)
		}
		for range 5 {
			if after, found := pingAt(c, 12120*time.Millisecond); !found || after < 11800*time.Millisecond {
				t.Errorf("the next after %v, %v", after, found)
			}
		}
	})
}

func TestHeartbeat_KeepsItsPhaseThoughAWriteTakesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		for range 20 {
			c := &client{t: t, delay: 100 * time.Microsecond}
			w.serve(c, Subscription{})
			time.Sleep(time.Millisecond)
			c.news()
			if _, found := pingAt(c, 15*time.Second); !found {
				t.Error("no first ping in 15 s")
			}
		}
	})
}

func TestHeartbeat_StaysAwayWhileThereIsSomethingToSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		c := w.connect(t, Subscription{})
		time.Sleep(time.Millisecond)
		c.news()
		for range 50 {
			w.log.say(chat.Lobby, 1)
			time.Sleep(2900 * time.Millisecond)
			if heard := c.heard(); slices.ContainsFunc(heard, isPing) {
				t.Fatalf("%q at %v", heard, time.Now())
			}
		}
	})
}

func TestHeartbeat_NoSilenceIsLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		c := w.connect(t, Subscription{})
		last := time.Now()
		for i := range 4000 {
			if i%137 == 0 {
				w.log.say(chat.Lobby, 1)
			}
			time.Sleep(100 * time.Millisecond)
			if len(c.heard()) > 0 {
				last = time.Now()
			}
			if silence := time.Since(last); silence > 15*time.Second {
				t.Fatalf("%v without a word", silence)
			}
		}
	})
}

func TestHeartbeat_OfManyReadersIsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		const n = 300
		var clients []*client
		for range n {
			clients = append(clients, w.connect(t, Subscription{}))
		}
		pings := func(steps int) (heard []int) {
			for range steps {
				time.Sleep(500 * time.Millisecond)
				count := 0
				for _, c := range clients {
					for _, word := range c.heard() {
						if isPing(word) {
							count++
						}
					}
				}
				heard = append(heard, count)
			}
			return heard
		}
		if heard := pings(30); slices.Max(heard) > n/8 {
			t.Errorf("after a herd of hellos: %v each half second", heard)
		}
		w.log.say(chat.Lobby, 1)
		if heard := pings(40); slices.Max(heard) > n/8 {
			t.Errorf("after a message to all: %v each half second", heard)
		}
	})
}

func TestBackoff_GrowsSpreadsAndStaysBounded(t *testing.T) {
	for try := range 100 {
		d := backoff(try)
		if d < firstBackoff/2 || d > maxBackoff || try > 6 && d < maxBackoff/2 {
			t.Errorf("try %d: %v", try, d)
		}
	}
}

func TestRetry_IsLongerWhereTheInstanceIsFull(t *testing.T) {
	for range 100 {
		if d := retryFor(slow); d < time.Second || d >= 3*time.Second {
			t.Errorf("slow: %v", d)
		}
		if d := retryFor(full); d < 5*time.Second || d >= 15*time.Second {
			t.Errorf("full: %v", d)
		}
	}
}
