package store

import (
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"causette/chat"
)

// asBob is a session's post under a nickname, with a token.
func asBob(token Token) Post {
	p := post("salut")
	p.Guest, p.Session, p.Who, p.Token = false, "p_bob", "p_bob", token
	p.Message.Author = chat.Person{ID: "p_bob", Nickname: "bob"}
	return p
}

// What a post is refused for is no outage, whatever kind of Redis looks at it: it is charged
// to the post's address, and the Cluster's clients don't look again who has which slots.
func TestAppend_WhatAPostIsRefusedForIsNoOutage(t *testing.T) {
	onEachKindOfRedis(t, func(t *testing.T, s *Store) {
		must(t, s.Claim(t.Context(), "p_bob", "bob"))
		ended, counting := NewToken(), NewToken()
		must(t, s.EndSession(t.Context(), "p_bob", ended, false))
		_, err := s.Append(t.Context(), asBob(ended))
		if !errors.Is(err, chat.ErrSessionEnded) || errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("with an ended token: %v", err)
		}
		must(t, s.Claim(t.Context(), "p_cleo", "bob"))
		_, err = s.Append(t.Context(), asBob(counting))
		if _, taken := errors.AsType[*chat.NicknameTaken](err); !taken || errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("under somebody else's nickname: %v", err)
		}
		if n := testutil.ToFloat64(s.metrics.unavailable); n != 0 {
			t.Errorf("%v calls count as unanswered", n)
		}
	})
}

// Of a Cluster, the last look was at one master of several.
func TestCluster_AMasterThatIsAwayKeepsNobodyFromTheOthers(t *testing.T) {
	s := New(Shared(startCluster(t)), quick())
	s.health.set(chat.ErrUnavailable)
	ended := NewToken()
	must(t, s.EndSession(t.Context(), "p_bob", ended, false))
	if err := s.CheckToken(t.Context(), "p_bob", ended); !errors.Is(err, chat.ErrSessionEnded) {
		t.Errorf("an ended token: %v", err)
	}
	say(t, s, "a post")
}

// A Cluster that does not answer is away all the same: nothing is landed unlooked at.
func TestAppend_AClusterThatDoesNotAnswerIsUnavailable(t *testing.T) {
	client, server := startClusterNode(t)
	s := New(Shared(client), quick())
	say(t, s, "before")
	server.kill()
	if _, err := s.Append(t.Context(), asBob(NewToken())); !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if n := testutil.ToFloat64(s.metrics.unavailable); n == 0 {
		t.Error("it is not counted")
	}
}
