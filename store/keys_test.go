package store

import (
	"strings"
	"testing"
)

func TestKeys_OfARoomShareItsHashTagAndComeAfterThePrefix(t *testing.T) {
	k := keys{"pre:"}
	for _, key := range []string{
		k.channel(lobby), k.head(lobby), k.log(lobby), k.nonce(lobby, "p", "n"), k.rate(lobby, "p"),
		k.instances(lobby), k.here(lobby, "i"), k.roster(lobby), k.named(lobby), k.told(lobby),
	} {
		if !strings.HasPrefix(key, "pre:chat:{lobby}") {
			t.Error(key)
		}
	}
	for _, key := range []string{k.rooms(), k.secret(), k.control(), k.name("ana"), k.address("::1")} {
		if !strings.HasPrefix(key, "pre:chat:") {
			t.Error(key)
		}
		if room, ok := k.roomOf(key); ok {
			t.Errorf("%s is taken for the channel of %s", key, room)
		}
	}
	if room, ok := k.roomOf(k.channel(lobby)); !ok || room != lobby {
		t.Error(room, ok)
	}
}
