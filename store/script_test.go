package store

import (
	"bufio"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

// scripts are all that there are, by the file that is not shared.
var scripts = map[string]*redis.Script{
	"append": appendScript, "presence": presenceScript, "page": pageScript, "tear": tearScript,
	"allow": allowScript, "charge": chargeScript,
	"claim": claimScript, "hold": holdScript, "release": releaseScript, "forget": forgetScript,
	"token_renew": tokenRenewScript, "token_end": tokenEndScript,
}

// noMore are the scripts that begin with a write that a full Redis takes, and may write
// what it would refuse: they take no more memory than they find. Of presence.lua that goes
// for the steps in which nobody comes.
var noMore = []string{"tear", "presence"}

// everyWay runs each script in each way that writes.
func everyWay(t *testing.T, s *Store) {
	t.Helper()
	must(t, s.Claim(t.Context(), "p_bob", "bob"))
	must(t, s.Claim(t.Context(), "p_bob", "bobby")) // which releases the first
	must(t, s.Hold(t.Context(), "p_bob", Token{}, "bobby"))
	for session, all := range map[string]bool{"p_dan": false, "p_eve": true} {
		token, err := s.ChangeNickname(t.Context(), NicknameChange{Session: session, Now: "dan"})
		must(t, err)
		must(t, s.EndSession(t.Context(), session, token, all))
	}
	guest, bob := post("a guest's"), post("bob's")
	guest.Nonce, guest.Address, guest.Room = "n1", "192.0.2.1", "a-new-room"
	bob.Guest, bob.Session, bob.Who, bob.Message.Author = false, "p_bob", "p_bob", chat.Person{ID: "p_bob", Nickname: "bobby"}
	for range 2 {
		for _, p := range []Post{guest, bob} {
			if _, err := s.Append(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.landGroup(lobby, group(t, bob, bob, guest))
	for range 100 { // past the rate, and past what the log keeps
		_, _ = s.Append(t.Context(), bob)
	}
	must(t, s.AllowSession(t.Context(), "192.0.2.1"))
	s.health.set(nil)
	for range 3 {
		must(t, s.AllowStream(t.Context(), "192.0.2.1"))
	}
	for _, ops := range []string{"join", "again rename", "leave join", "leave", ""} {
		var list []change
		for i, op := range strings.Fields(ops) {
			list = append(list, change{op: op, session: fmt.Sprint("p_", i), name: "cleo", was: "leo"})
		}
		keys, args := s.presenceCall(&telling{room: lobby, list: list})
		must(t, presenceScript.Run(t.Context(), s.client, keys, args...).Err())
	}
	_, err := s.tear(t.Context(), lobby, chat.EventID{Epoch: newest(t, s).Epoch, Seq: 1000})
	must(t, err)
	must(t, s.client.ZAdd(t.Context(), s.keys.rooms(), redis.Z{Score: 1, Member: "nowhere"}).Err())
	s.forgetRooms(t.Context(), []chat.RoomID{"nowhere"})
}

// step is one run of a script: the commands that it ran.
type step struct {
	script   string
	commands []string
}

// watch has a Redis tell of every step from now on. The returned function ends that.
func watch(t *testing.T, s *Store, addr string) func() []step {
	t.Helper()
	conn, err := net.Dial("tcp", addr) //nolint:noctx // at once
	must(t, err)
	_, err = conn.Write([]byte("MONITOR\r\n"))
	must(t, err)
	lines := bufio.NewReader(conn)
	_, err = lines.ReadString('\n')
	must(t, err)
	byHash := map[string]string{}
	for name, script := range scripts {
		byHash[script.Hash()] = name
		must(t, script.Load(t.Context(), s.client).Err())
	}
	return func() (steps []step) {
		defer conn.Close()
		must(t, s.client.Do(t.Context(), "ECHO", "the end").Err())
		for {
			line, err := lines.ReadString('\n')
			must(t, err)
			from, rest, _ := strings.Cut(line, `] "`)
			words := strings.Split(rest, `" "`)
			command := strings.ToUpper(strings.TrimRight(words[0], "\"\r\n"))
			switch {
			case strings.HasSuffix(from, "lua"):
				steps[len(steps)-1].commands = append(steps[len(steps)-1].commands, command)
			case command == "EVALSHA":
				steps = append(steps, step{script: byHash[words[1]]})
			case command == "ECHO":
				return steps
			}
		}
	}
}

// flags are what Redis says of its commands.
func flags(t *testing.T, s *Store) map[string][]string {
	t.Helper()
	all, err := s.client.Command(t.Context()).Result()
	must(t, err)
	known := make(map[string][]string, len(all))
	for name, info := range all {
		known[strings.ToUpper(name)] = info.Flags
	}
	return known
}

// Redis looks at its memory before the first write of a script only.
func TestScripts_BeginWithAWriteThatAFullRedisRefuses(t *testing.T) {
	server := startRedis(t)
	o := quick()
	o.MessageRate, o.MessageBurst, o.SessionRate, o.StreamRate, o.RoomRate = 1, 8, 10, 60, 10
	o.HistorySize, o.HistoryBytes = 10, 500
	s := idle(t, server.addr, o)
	flags, stop := flags(t, s), watch(t, s, server.addr)
	everyWay(t, s)
	seen := map[string]bool{}
	for _, step := range stop() {
		seen[step.script] = true
		writes := slices.DeleteFunc(step.commands, func(c string) bool { return !slices.Contains(flags[c], "write") })
		refused := func(c string) bool { return slices.Contains(flags[c], "denyoom") }
		comes := slices.Contains(writes, "HSETNX")
		switch first := slices.IndexFunc(writes, refused); {
		case first <= 0: // the first, or none that would be refused
		case !slices.Contains(noMore, step.script), comes:
			t.Errorf("%s begins with %s, and a full Redis takes all of %v", step.script, writes[0], writes)
		}
	}
	files, err := fs.Glob(luaFiles, "*.lua")
	must(t, err)
	for _, file := range files {
		text, err := luaFiles.ReadFile(file)
		must(t, err)
		if name := strings.TrimSuffix(file, ".lua"); !strings.HasPrefix(string(text), "-- Shared") && !seen[name] && name != "page" {
			t.Errorf("%s did not run: everyWay has to know it", name)
		}
	}
}
