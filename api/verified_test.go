package api

import (
	"fmt"
	"testing"
	"time"

	"causette/chat"
)

func TestVerifiedTokens_KnowATokenUntilItExpires(t *testing.T) {
	var v verifiedTokens
	now := time.Now()
	ana := session{Person: chat.Person{ID: "p_ana"}, expires: now.Add(time.Minute)}
	v.put("token", ana)
	if got, ok := v.get("token", now); !ok || got != ana {
		t.Errorf("%+v, %t", got, ok)
	}
	if _, ok := v.get("token", now.Add(time.Minute)); ok {
		t.Error("known though it has expired")
	}
	if _, ok := v.get("tokem", now); ok {
		t.Error("another one is known")
	}
}

func TestVerifiedTokens_AreBounded(t *testing.T) {
	var v verifiedTokens
	later := session{expires: time.Now().Add(time.Hour)}
	for i := range maxVerified + 10 {
		v.put(fmt.Sprint(i), later)
	}
	if len(v.of) != 10 {
		t.Errorf("%d are kept", len(v.of))
	}
}
