package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestRefusalCounter_CountsWhatIsNot200Or201(t *testing.T) {
	statuses := make(chan int, 4)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(<-statuses) }))
	h := newHonest()
	client := clientFrom("127.3.0.9", true)
	client.Transport = &refusalCounter{client.Transport, h}
	post := func() {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if response, err := client.Do(request); err == nil {
			_ = response.Body.Close()
		}
	}
	for _, status := range []int{200, 201, 429, 503} {
		statuses <- status
		post()
	}
	server.Close()
	post()
	if refused, _, _ := h.refusals(); len(refused) != 3 || refused["429"] != 1 || refused["503"] != 1 || refused["no answer"] != 1 {
		t.Errorf("refused %v", refused)
	}
}

func TestHonest_APostIsOfThePartInWhichItWasDue(t *testing.T) {
	h, begun := newHonest(), time.Now()
	h.accept(begun.Add(-time.Millisecond), 1)
	h.accept(begun, 2)
	h.accept(begun.Add(time.Second), 3)
	if got := h.between(siegePart{from: begun, to: begun.Add(time.Second)}); len(got) != 1 || got[0] != 2 {
		t.Errorf("of the part are %v", got)
	}
}

func TestHonest_WhoeverComesIsCountedUnlessTheEndCutHimOff(t *testing.T) {
	h := newHonest()
	ctx, end := context.WithCancel(t.Context())
	h.comes(ctx, func() error { return nil })
	h.comes(ctx, func() error { return context.DeadlineExceeded })
	h.comes(ctx, func() error { end(); return context.Canceled })
	if _, came, turnedAway := h.refusals(); came != 2 || turnedAway["deadline exceeded"] != 1 || len(turnedAway) != 1 {
		t.Errorf("%d came, turned away %v", came, turnedAway)
	}
}

func TestView_CutsAreTheStreamsThatEnded(t *testing.T) {
	v := newView(room, newLedger())
	want := func(n int) {
		t.Helper()
		if v.cuts() != n {
			t.Errorf("%d cuts, want %d", v.cuts(), n)
		}
	}
	want(0)
	v.hello("fresh", position{})
	want(0)
	v.ended()
	want(1)
	v.ended() // of an attempt to come back
	want(1)
	v.hello("resumed", position{})
	want(1)
	v.ended()
	want(2)
}

func TestAddresses_AreEachGivenOnce(t *testing.T) {
	from, seen := addresses{network: 4}, map[string]bool{}
	for range 1000 {
		address := from.next()
		if seen[address] {
			t.Fatalf("%s is given twice", address)
		}
		seen[address] = true
	}
}
