package store

import (
	"errors"
	"strings"
	"testing"

	"causette/chat"
)

// Without INFO nobody could tell a log that went back from one that did not.
func TestAppend_IsRefusedWhereRedisMayNotBeAskedForItsHistory(t *testing.T) {
	server := startRedis(t)
	must(t, dial(t, server.addr).Do(t.Context(), "ACL", "SETUSER", "blind", "on", ">pw", "~*", "&*", "+@all", "-info").Err())
	client, err := Dial("redis://blind:pw@" + server.addr)
	must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	s := New(client, quick())
	_, err = s.Append(t.Context(), post("salut"))
	if err == nil || errors.Is(err, chat.ErrUnavailable) || !strings.Contains(err.Error(), "INFO replication: ") {
		t.Errorf("error %v", err)
	}
	if n := dial(t, server.addr).Exists(t.Context(), s.keys.log(lobby), s.keys.head(lobby)).Val(); n != 0 {
		t.Error("something was stored")
	}
}
