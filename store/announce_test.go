package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"causette/chat"
)

// calls is how often a node ran a command since it started.
func (c *threeMasters) calls(t *testing.T, node int, command string) string {
	t.Helper()
	stats := dial(t, c.nodes[node].addr).Info(t.Context(), "commandstats").Val()
	_, rest, _ := strings.Cut(stats, "cmdstat_"+command+":calls=")
	calls, _, _ := strings.Cut(rest, ",")
	return or(calls, "0")
}

func TestAnnounce_AnnouncementsStayAmongTheNodesOfTheirSlot(t *testing.T) {
	c := startThreeMasters(t)
	e := c.followEverywhere(t, c.store(t))
	for i, room := range e.rooms {
		if got := c.channels(t, i, true); !slices.Equal(got, []string{keys{}.channel(room)}) {
			t.Errorf("master %d: shard channels %q", i, got)
		}
	}
	everything := dial(t, c.nodes[1].addr).PSubscribe(t.Context(), "*")
	defer everything.Close()
	_, err := everything.Receive(t.Context())
	must(t, err)
	e.s.Join(e.rooms[0], ana, "")
	for range 10 {
		e.say(t, 0)
	}
	must(t, e.s.Typing(t.Context(), e.rooms[0], ana, ""))
	r := e.sinks[0]
	r.wait(t, "all kinds", func() bool {
		return len(r.of(chat.KindMessage)) == 10 && len(r.of(chat.KindTyping)) == 1 && len(r.of(chat.KindNotice)) == 1 && len(r.of(chat.KindPresence)) > 0
	})
	for i := range e.rooms {
		if sharded := c.calls(t, i, "spublish"); (sharded != "0") != (i == 0) {
			t.Errorf("master %d ran SPUBLISH %s times", i, sharded)
		}
		if plain := c.calls(t, i, "publish"); plain != "0" {
			t.Errorf("master %d ran PUBLISH %s times", i, plain)
		}
	}
	for _, i := range []int{1, 2} {
		if about := c.ask(t, c.nodes[i], "INFO"); strings.Contains(about, "messages_publish") {
			t.Errorf("master %d was passed announcements: %s", i, about)
		}
	}
	if about := c.ask(t, c.nodes[3], "INFO"); !strings.Contains(about, "messages_publishshard_received") {
		t.Errorf("the replica was passed none: is that what it is called? %s", about)
	}
	// What concerns everybody is still published to everybody.
	must(t, e.s.client.Publish(t.Context(), keys{}.control(), `{"session":"p_x","nickname":"x"}`).Err())
	for first := true; ; first = false {
		got, err := everything.ReceiveMessage(t.Context())
		must(t, err)
		if got.Channel == (keys{}).control() {
			break
		}
		if first {
			t.Errorf("another master heard %q", got.Channel)
		}
	}
}

func TestAnnounce_WithoutSPublishAnnouncementsGoToAllNodes(t *testing.T) {
	c := startThreeMasters(t, lacking...)
	e := c.followEverywhere(t, c.store(t))
	e.sayAndHear(t)
	must(t, e.s.Typing(t.Context(), e.rooms[0], ana, ""))
	e.sinks[0].wait(t, "typing", func() bool { return len(e.sinks[0].of(chat.KindTyping)) == 1 })
	_, slot := c.holder(t, e.rooms[0])
	c.move(t, slot, 0, 1)
	e.sayAndHear(t)
	e.undisturbed(t, 0, 1, 2)
	for i := range e.rooms {
		if got := c.channels(t, i, true); len(got) > 0 || c.calls(t, i, "publish") == "0" {
			t.Errorf("master %d: shard channels %q, PUBLISH %s times", i, got, c.calls(t, i, "publish"))
		}
	}
}

// lacking are a server's arguments for it to have no SPUBLISH, as before Redis 7.0.
var lacking = []string{"--rename-command", "SPUBLISH", ""}

// upgrade starts a server again that has SPUBLISH.
func upgrade(t *testing.T, n *realRedisServer) {
	t.Helper()
	n.kill()
	at := slices.Index(n.args, lacking[0])
	n.args = slices.Delete(slices.Clone(n.args), at, at+len(lacking))
	n.start(t)
}

func TestAnnounce_NodesAreUpgradedOneByOne(t *testing.T) {
	c := startThreeMasters(t, lacking...)
	e := c.followEverywhere(t, c.store(t))
	e.s.Join(e.rooms[0], ana, "") // its lease is renewed: so it is seen that the master is another
	e.sayAndHear(t)
	upgrade(t, c.nodes[3])
	replica := dial(t, c.nodes[3].addr)
	is := func(what string) func() bool {
		return func() bool { return strings.Contains(replica.Info(t.Context(), "replication").Val(), what) }
	}
	eventually(t, "the replica is in sync", is("master_link_status:up"))
	eventually(t, "it may take over", func() bool { return replica.Do(t.Context(), "CLUSTER", "FAILOVER").Err() == nil })
	eventually(t, "it took over", is("role:master"))
	for range 10 {
		e.say(t, 0)
	}
	e.heard(t)
	eventually(t, "it is subscribed at the new master", func() bool { return len(c.channels(t, 3, true)) == 1 })
	upgrade(t, c.nodes[0])
	e.sayAndHear(t)
	e.undisturbed(t, 0, 1, 2)
}

// A master that is upgraded, and then put back, under a running instance.
func TestAnnounce_GoesTheWayThatTheServerOfTheMomentHas(t *testing.T) {
	client, server := startClusterNode(t, append([]string{"--appendonly", "yes", "--appendfsync", "always"}, lacking...)...)
	s := New(Shared(client), quick())
	run(t, s)
	node := dial(t, server.addr)
	r, _ := follow(t, s, 10)
	for i := range 3 {
		switch i {
		case 1:
			upgrade(t, server)
		case 2:
			server.kill()
			server.args = append(server.args, lacking...)
			server.start(t)
		}
		repeatUntilAccepted(t, s, nonced(fmt.Sprint(2*i)))
		r.wait(t, "caught up", func() bool { return len(r.data(chat.KindStatus)) == 2*i && len(r.texts(t)) == 2*i+1 })
		say(t, s, fmt.Sprint(2*i+1))
		r.wait(t, "what is said", func() bool { return slices.Equal(r.texts(t), numbers(0, 2*i+1)) })
		var sharded []string
		eventually(t, "the server says", func() bool {
			list := node.PubSubShardChannels(t.Context(), "*")
			sharded = list.Val()
			return list.Err() == nil
		})
		if want := i == 1; (len(sharded) == 1) != want {
			t.Errorf("shard channels %q, with SPUBLISH %t", sharded, want)
		}
	}
}

func TestAnnounce_AUserWhoMayNotIsToldSo(t *testing.T) {
	client, server := startClusterNode(t)
	node := dial(t, server.addr)
	for _, not := range []string{"", "spublish", "ssubscribe", "command|info"} {
		args := []any{
			"ACL", "SETUSER", "default", "reset", "on", "nopass", "~chat:*", "&chat:*",
			"+@read", "+@write", "+@scripting", "+@connection", "+info", "+time", "+cluster", "+command|info",
			"+publish", "+subscribe", "+unsubscribe", "+spublish", "+ssubscribe", "+sunsubscribe", "+acl", "+client",
		}
		if not != "" {
			args = append(args, "-"+not)
		}
		must(t, node.Do(t.Context(), args...).Err())
		must(t, node.Do(t.Context(), "CLIENT", "KILL", "TYPE", "normal").Err())
		s := New(Shared(client), quick())
		stop := run(t, s)
		_, err := s.Follow(t.Context(), lobby, 0, newRecorder())
		if (err != nil) != (not == "ssubscribe" || not == "command|info") {
			t.Errorf("without %q, follow: %v", not, err)
		}
		_, err = s.Append(t.Context(), post("salut"))
		if (err != nil) != (not == "spublish") || errors.Is(err, chat.ErrUnavailable) {
			t.Errorf("without %q, append: %v", not, err)
		}
		stop()
	}
}
