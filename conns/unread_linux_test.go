package conns

import (
	"fmt"
	"net"
	"testing"
	"time"
)

func TestConn_WhatIsSentAndNotReadIsNoStaleness(t *testing.T) {
	inner, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := New(Options{Limit: 1})
	b := l.Listener(inner)
	defer b.Close()
	client, err := new(net.Dialer).DialContext(t.Context(), "tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	given, err := b.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer given.Close()
	c, late := given.(*conn), l.now()+int64(2*Grace)
	if !c.stale(late) {
		t.Error("one that said nothing is not stale")
	}
	fmt.Fprint(client, "G")
	for deadline := time.Now().Add(5 * time.Second); !hasUnread(c.Conn); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what was sent does not arrive")
		}
	}
	if c.stale(late) {
		t.Error("one whose word was not read yet is stale")
	}
	if _, err := given.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if !c.stale(l.now() + int64(2*Grace)) {
		t.Error("one that said one word is not stale")
	}
}
