package store

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"causette/chat"
)

// scripts are all that there are, by the file that is not shared.
var scripts = map[string]*redis.Script{
	"append": appendScript, "presence": presenceScript, "page": pageScript, "tear": tearScript,
	"allow": allowScript, "charge": chargeScript,
	"claim": claimScript, "hold": holdScript, "release": releaseScript, "forget": forgetScript,
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
	must(t, s.Hold(t.Context(), "p_bob", "bobby"))
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

// fill fills a Redis that has a maxmemory to the brim, and returns how much it holds.
func fill(t *testing.T, s *Store) int64 {
	t.Helper()
	for bytes := 32 << 10; bytes >= 64; bytes /= 2 {
		for n := 0; ; n++ {
			err := s.client.Set(t.Context(), fmt.Sprint("filler:", bytes, ":", n), strings.Repeat("x", bytes), 0).Err()
			if isFull(err) {
				break
			}
			must(t, err)
		}
	}
	full := usedMemory(t, s)
	must(t, s.client.ConfigSet(t.Context(), "maxmemory", fmt.Sprint(full-100<<10)).Err()) // buffers come and go
	return full
}

// empty takes the filler away.
func empty(t *testing.T, s *Store) {
	t.Helper()
	keys, err := s.client.Keys(t.Context(), "filler:*").Result()
	must(t, err)
	must(t, s.client.Del(t.Context(), keys...).Err())
}

func usedMemory(t *testing.T, s *Store) (bytes int64) {
	t.Helper()
	info, err := s.client.Info(t.Context(), "memory").Result()
	must(t, err)
	_, rest, _ := strings.Cut(info, "used_memory:")
	_, err = fmt.Sscan(rest, &bytes)
	must(t, err)
	return bytes
}

// fullRedis is a Store before a Redis that is full. What there was before is there.
func fullRedis(t *testing.T, o Options, before func(*Store)) (*Store, int64) {
	t.Helper()
	s := idle(t, startRedis(t, "--maxmemory", "6mb").addr, o)
	s.health.set(nil)
	before(s)
	return s, fill(t, s)
}

func TestFull_EveryWriteIsRefusedAndSaysSo(t *testing.T) {
	o := quick()
	o.MessageRate, o.MessageBurst, o.SessionRate, o.RoomRate = 100, 10_000, 10, 1000
	bob := post("bob's")
	bob.Guest, bob.Session, bob.Message.Author = false, "p_bob", chat.Person{ID: "p_bob", Nickname: "bob"}
	s, full := fullRedis(t, o, func(s *Store) {
		sayNumbers(t, s, 0, 5)
		must(t, s.Claim(t.Context(), "p_bob", "bob"))
	})
	large := postOf(8000)
	large.Address = "192.0.2.1"
	elsewhere := large
	elsewhere.Room = "elsewhere"
	bob.Message.Text = large.Message.Text
	appended := func(p Post) func() error {
		return func() error { _, err := s.Append(t.Context(), p); return err }
	}
	for what, write := range map[string]func() error{
		"a guest's post":        appended(large),
		"a session's post":      appended(bob),
		"a new room":            appended(elsewhere),
		"a nickname":            func() error { return s.Claim(t.Context(), "p_cleo", "cleo") },
		"a session, by address": func() error { return s.AllowSession(t.Context(), "192.0.2.1") },
		"typing":                func() error { return s.Typing(t.Context(), lobby, ana) },
	} {
		for range 100 {
			if err := write(); !errors.Is(err, chat.ErrStorageFull) || !errors.Is(err, chat.ErrUnavailable) {
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
	if now := usedMemory(t, s); now > full+256<<10 {
		t.Errorf("%d bytes are used, and %d were", now, full)
	}
	if page, err := s.Before(t.Context(), lobby, chat.EventID{}, 10); err != nil || len(page.Events) != 6 {
		t.Errorf("reading: %d messages, error %v", len(page.Events), err)
	}
	if err := s.Hold(t.Context(), "p_bob", "bob"); err != nil {
		t.Errorf("who has a nickname keeps it: %v", err)
	}
	empty(t, s)
	for _, p := range []Post{large, bob, elsewhere} {
		eventually(t, "it can be said once there is memory again", func() bool {
			_, err := s.Append(t.Context(), p)
			return err == nil
		})
	}
}

func TestFull_WhoLeavesIsCountedOutAndWhoComesIsCountedLater(t *testing.T) {
	s := idle(t, startRedis(t, "--maxmemory", "6mb").addr, quick())
	run(t, s)
	for i := range 20 {
		s.Join(lobby, chat.Person{ID: fmt.Sprint("p_", i), Nickname: chat.Nickname(fmt.Sprint("n", i))})
	}
	count := func(want int) func() bool {
		return func() bool { n, _ := s.client.HLen(t.Context(), s.keys.roster(lobby)).Result(); return int(n) == want }
	}
	eventually(t, "all are counted", count(20))
	full := fill(t, s)
	for i := range 10 {
		s.Join(lobby, chat.Person{ID: fmt.Sprint("p_later", i)})
		s.Leave(lobby, fmt.Sprint("p_", i))
	}
	eventually(t, "who left is counted out", count(10))
	if counts, _, err := s.People(t.Context(), lobby); err != nil || counts.Participants != 10 {
		t.Errorf("people: %+v, error %v", counts, err)
	}
	time.Sleep(2 * s.o.Lease) // in which the lease would run out, were it not renewed
	if score := s.client.ZScore(t.Context(), s.keys.instances(lobby), s.o.Instance).Val(); int64(score) < time.Now().UnixMilli() {
		t.Error("the lease is not renewed")
	}
	if now := usedMemory(t, s); now > full+256<<10 {
		t.Errorf("%d bytes are used, and %d were", now, full)
	}
	empty(t, s)
	eventually(t, "who came is counted", count(20))
}

func TestFull_ALogThatLostItsEndIsTornNevertheless(t *testing.T) {
	o := quick()
	s, full := fullRedis(t, o, func(s *Store) {
		for range 150 {
			if _, err := s.Append(t.Context(), postOf(8000)); err != nil {
				t.Fatal(err)
			}
		}
	})
	epoch, err := s.tear(t.Context(), lobby, chat.EventID{Epoch: newest(t, s).Epoch, Seq: 1000})
	if err != nil || epoch == 0 {
		t.Fatalf("epoch %d, error %v", epoch, err)
	}
	if now := usedMemory(t, s); now > full+256<<10 {
		t.Errorf("%d bytes are used, and %d were", now, full)
	}
	if page, err := s.Before(t.Context(), lobby, chat.EventID{}, MaxPage); err != nil || len(page.Events) != 150 || page.Events[0].ID.Epoch != epoch {
		t.Errorf("%d messages, error %v", len(page.Events), err)
	}
}

// Redis takes the post, and then has no room to count it: it is at the brim.
func TestFull_ALimiterThatCannotAnswerRefuses(t *testing.T) {
	o := quick()
	o.MessageRate, o.MessageBurst, o.StreamRate = 1, leastMessageBatch, 60
	s, _ := fullRedis(t, o, func(*Store) {})
	for range 2 * leastMessageBatch {
		s.chargePost(t.Context(), Post{Who: "p_ana", Address: "192.0.2.1"}, Receipt{}, nil)
	}
	p := post("refused")
	p.Address = "192.0.2.1"
	if err := s.limits.messages.allow("p_ana"); !errors.Is(err, chat.ErrStorageFull) {
		t.Errorf("a message of a sender who cannot be charged: %v", err)
	}
	if err := s.limits.addresses.allow("192.0.2.1"); !errors.Is(err, chat.ErrStorageFull) {
		t.Errorf("one of an address that cannot be: %v", err)
	}
	opened := 0
	for range 200 {
		if s.AllowStream(t.Context(), "192.0.2.1") == nil {
			opened++
		}
	}
	if opened < 60 || opened > 70 {
		t.Errorf("%d streams of an address were opened, of which this instance alone knows; 60 may be", opened)
	}
	empty(t, s)
	eventually(t, "what was not charged is, since it still counts", func() bool {
		s.chargePost(t.Context(), p, Receipt{}, nil)
		_, limited := errors.AsType[*chat.RateLimited](s.limits.messages.allow(p.Who))
		return limited
	})
}

func TestLimits_AnErrorOfALimiterThatIsNoFullRedisRefusesToo(t *testing.T) {
	server := startRedis(t)
	must(t, dial(t, server.addr).Do(t.Context(), "ACL", "SETUSER", "poor", "on", ">pw", "~chat:{*", "&*", "+@all").Err())
	client, err := Dial("redis://poor:pw@" + server.addr)
	must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	o := quick()
	o.MessageRate, o.MessageBurst = 1, 20
	s := New(client, o)
	for range leastMessageBatch {
		s.charge(t.Context(), s.limits.messages, "p_ana", 1)
	}
	if err := s.limits.messages.allow("p_ana"); !errors.Is(err, chat.ErrUnavailable) || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("a sender whose state may not be written: %v", err)
	}
}
