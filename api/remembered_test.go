package api

import (
	"fmt"
	"testing"
)

func TestRemembered_KnowsWhatItWasGiven(t *testing.T) {
	var r remembered[int]
	if _, ok := r.get("one"); ok {
		t.Error("it knows one though it was given none")
	}
	r.put("one", 1)
	if got, ok := r.get("one"); !ok || got != 1 {
		t.Errorf("%d, %t", got, ok)
	}
	if _, ok := r.get("won"); ok {
		t.Error("another one is known")
	}
}

func TestRemembered_IsBounded(t *testing.T) {
	var r remembered[int]
	for i := range maxRemembered + 10 {
		r.put(fmt.Sprint(i), i)
	}
	if len(r.of) != 10 {
		t.Errorf("%d are kept", len(r.of))
	}
}
