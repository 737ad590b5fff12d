package api

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"causette/store"
)

func TestRateLimit_ARefusalSaysWhichLimitAndHowLong(t *testing.T) {
	s := newServer(t, func(_ *Options, o *store.Options) { o.MessageRate, o.MessageBurst, o.SessionRate = 0.5, 2, 2 })
	token := s.join("ana").Token
	for name, last := range map[string]func() answer{
		`"messages";q=2;w=4`:   func() answer { return s.post("/messages", token, `{"text":"salut"}`) },
		`"nicknames";q=2;w=60`: func() answer { return s.post("/nicknames", "", `{"nickname":"ana"}`) },
	} {
		a := last()
		for range 5 {
			if a.status == http.StatusTooManyRequests {
				break
			}
			if a.header.Get("RateLimit") != "" || a.header.Get("RateLimit-Policy") != "" {
				t.Errorf("a %d speaks of limits: %v", a.status, a.header)
			}
			a = last()
		}
		a.expectProblem(t, http.StatusTooManyRequests, "rate_limited")
		wait := a.header.Get("Retry-After")
		limit, _, _ := strings.Cut(name, ";")
		if got := a.header.Get("RateLimit-Policy"); got != name {
			t.Errorf("the policy is %s, want %s", got, name)
		}
		if got, want := a.header.Get("RateLimit"), limit+";r=0;t="+wait; got != want || !regexp.MustCompile(`^[1-9]\d*$`).MatchString(wait) {
			t.Errorf("the limit is %s, want %s", got, want)
		}
	}
}

func TestRateLimit_ARefusalOfAnAddressSaysSo(t *testing.T) {
	for policy, last := range map[string]func(s *server, n int) answer{
		`"address";q=10;w=20`: func(s *server, n int) answer {
			return s.post("/messages", "", fmt.Sprintf(`{"text":"salut","nickname":"ana","room":"room%d"}`, n%2))
		},
		`"rooms";q=3;w=3600`: func(s *server, n int) answer {
			return s.post("/messages", "", fmt.Sprintf(`{"text":"salut","nickname":"ana","room":"new%d"}`, n))
		},
	} {
		s := newServer(t, func(_ *Options, o *store.Options) {
			o.RoomRate = 3
			if o.MessageRate, o.MessageBurst = 0.05, 2; strings.Contains(policy, "rooms") {
				o.MessageRate = 0
			}
		})
		var a answer
		for n := 0; n < 200 && a.header.Get("RateLimit-Policy") != policy; n++ {
			a = last(s, n)
		}
		a.expectProblem(t, http.StatusTooManyRequests, "rate_limited")
		if got := a.header.Get("RateLimit-Policy"); got != policy || !strings.Contains(string(a.body), "your address") {
			t.Errorf("the policy is %s, want %s: %s", got, policy, a.body)
		}
	}
}

func TestRateLimit_ASenderHasOneRateForAllRooms(t *testing.T) {
	s := newServer(t, func(_ *Options, o *store.Options) { o.MessageRate, o.MessageBurst = 0.01, 5 })
	token := s.join("ana").Token
	accepted := 0
	for n := range 60 {
		a := s.post("/messages", token, fmt.Sprintf(`{"text":"salut","room":"room%d"}`, n))
		if a.status != http.StatusCreated {
			a.expectProblem(t, http.StatusTooManyRequests, "rate_limited")
			break
		}
		accepted++
	}
	if accepted < 5 || accepted > 30 {
		t.Errorf("%d messages in as many rooms", accepted)
	}
	other := s.join("bob").Token
	s.post("/messages", other, `{"text":"salut"}`).expect(t, http.StatusCreated)
}

// Opening a page costs nothing but a signature: there is no use in having many
// sessions that can't speak.
func TestRateLimit_ASessionOfThePageCanSayNothingAndIsChargedWhenItTakesANickname(t *testing.T) {
	s := newServer(t, func(_ *Options, o *store.Options) { o.SessionRate = 2 })
	keys := func() int { return len(s.redis.Keys()) }
	before := keys()
	var last answer
	for n := range 5 {
		cookie := cookieOf(t, s.get("/").expect(t, 200))
		if keys() != before && n == 0 {
			t.Errorf("the page left something in Redis: %v", s.redis.Keys())
		}
		with := map[string]string{"Cookie": cookie, "Content-Type": "application/json"}
		s.do(request{method: "POST", path: "/messages", body: `{"text":"salut"}`, header: with}).expectProblem(t, 422, "nickname_required")
		last = s.do(request{method: "POST", path: "/nicknames", body: fmt.Sprintf(`{"nickname":"ana%d"}`, n), header: with})
	}
	last.expectProblem(t, http.StatusTooManyRequests, "rate_limited")
}

func TestRateLimit_TooManyStreamsOpenedByAnAddressAreSentAwayWithABye(t *testing.T) {
	s := newServer(t, func(_ *Options, o *store.Options) { o.StreamRate = 1 })
	eventually(t, s.store.Up)
	from := func(address string) string {
		events := s.open("/events", map[string]string{"X-Forwarded-For": address})
		defer events.close()
		if events.res.StatusCode != http.StatusOK {
			t.Errorf("status %d", events.res.StatusCode)
		}
		return events.next(t)
	}
	// One at once, and one that an instance may get ahead.
	for n, want := range []string{"event: hello", "event: hello", `{"reason":"full"}`} {
		if got := from("192.0.2.1"); !strings.Contains(got, want) {
			t.Errorf("stream %d: %s", n, got)
		}
	}
	if got := from("192.0.2.2"); !strings.Contains(got, "event: hello") {
		t.Errorf("another address: %s", got)
	}
}
