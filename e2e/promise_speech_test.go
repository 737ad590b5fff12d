//go:build linux

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// fromAttacker and fromNeighbour are headers of addresses that the proxy at loopback speaks for.
const (
	fromAttacker  = "X-Forwarded-For: 198.51.100.7"
	fromNeighbour = "X-Forwarded-For: 203.0.113.9"
)

func TestPromise3_OneAddressSaysNoMoreThanItsShareByManySessions(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	one := startPlainInstance(t, redis.url(), "SESSION_RATE=0", "LOG_LEVEL=error")
	visitors := several(t, one.base, 58)
	begun := time.Now()
	accepted := fillWith(t, one.base, visitors, func(int64) string { return "lobby" }, 10,
		func(answer) bool { return time.Since(begun) > 3*time.Second }, fromAttacker)
	// Five sessions' burst and ten sessions' rate, what is not charged yet, and what is under way meanwhile.
	if most := 100 + int(50*time.Since(begun).Seconds()) + 50 + len(visitors); accepted > most || accepted < 100 {
		t.Errorf("%d messages of one address in %s, want 100 to %d", accepted, time.Since(begun), most)
	}
	// A fiftieth of a second after the last refusal one more may pass; a hundred in a row may not.
	var a answer
	for n := 0; n < 100 && a.status != http.StatusTooManyRequests; n++ {
		var err error
		if a, err = call(t.Context(), http.MethodPost, one.base+"/messages", asJSON(post{Text: "more"}), visitors[n%len(visitors)].bearer(), fromAttacker); err != nil {
			t.Fatal(err)
		}
	}
	if policy := a.header.Get("RateLimit-Policy"); policy != `"address";q=100;w=2` || a.header.Get("Retry-After") == "" {
		t.Errorf("refused by the policy %s: %v", policy, a.header)
	}
	mustCall(t, http.StatusCreated, http.MethodPost, one.base+"/messages", asJSON(post{Text: "salut", Nickname: "bob"}), fromNeighbour)
}

func TestPromise3_RefusedAndRepeatedPostsAreNotFree(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	one := startPlainInstance(t, redis.url(), "LOG_LEVEL=error")
	enter(t, one.base, "bob")
	for what, sent := range map[string]post{
		"repeated":         {Text: "salut", Nickname: "ana", Nonce: "n1"},
		"under bob's name": {Text: "salut", Nickname: "bob"},
	} {
		from, answered := fmt.Sprintf("X-Forwarded-For: 198.51.100.%d", len(what)), 0
		begun := time.Now()
		for answered < 1000 {
			a, err := call(t.Context(), http.MethodPost, one.base+"/messages", asJSON(sent), from)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(a.header.Get("RateLimit-Policy"), `"address"`) {
				break
			}
			answered++
		}
		if most := 100 + int(50*time.Since(begun).Seconds()) + 50; answered > most {
			t.Errorf("%s: %d posts reached Redis in %s, at most %d may", what, answered, time.Since(begun), most)
		}
	}
}

func TestPromise3_OneAddressBeginsFewRooms(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	one := startPlainInstance(t, redis.url(), "MESSAGE_RATE=0", "LOG_LEVEL=error")
	begun := 0
	for n := range 60 {
		a, err := call(t.Context(), http.MethodPost, one.base+"/messages",
			asJSON(post{Room: fmt.Sprintf("mine%d", n), Text: "mine", Nickname: "ana"}), fromAttacker)
		switch {
		case err != nil:
			t.Fatal(err)
		case a.status == http.StatusCreated:
			begun++
		case a.status != http.StatusTooManyRequests || !strings.HasPrefix(a.header.Get("RateLimit-Policy"), `"rooms"`):
			t.Fatalf("status %d: %v", a.status, a.header)
		}
	}
	if begun != 30 {
		t.Errorf("%d new rooms in a moment, want the 30 of ROOM_RATE", begun)
	}
	say := func(room, who string) {
		mustCall(t, http.StatusCreated, http.MethodPost, one.base+"/messages", asJSON(post{Room: room, Text: "salut", Nickname: "ana"}), who)
	}
	say("lobby", fromAttacker)   // anybody may
	say("mine0", fromAttacker)   // it is there
	say("theirs", fromNeighbour) // somebody else
	say("theirs", fromAttacker)  // and now it is there
}
