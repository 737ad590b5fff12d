package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"causette/chat"
)

// group makes landings of posts, as if they had come while another was landed.
func group(t testing.TB, posts ...Post) []*landing {
	t.Helper()
	var all []*landing
	for _, p := range posts {
		all = append(all, newLanding(t.Context(), p))
	}
	return all
}

// outcome is what became of a post that was landed.
func outcome(t testing.TB, l *landing) (Receipt, error) {
	t.Helper()
	select {
	case r := <-l.done:
		if r.err != nil {
			return Receipt{}, r.err
		}
		return readReceipt(l.post.Message, l.payload, r.reply)
	default:
		t.Fatal("it was not answered")
		return Receipt{}, nil
	}
}

func TestLandGroup_LandsInOrderWithOneAnnouncement(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		s, _ := running(t, addr, quick())
		r, _ := follow(t, s, 0)
		said := say(t, s, "0")
		listener := s.client.Subscribe(t.Context(), s.keys.channel(lobby))
		defer listener.Close()
		if _, err := listener.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
		all := group(t, post("1"), post("2"), post("3"))
		s.landGroup(lobby, slices.Clone(all))
		for i, l := range all {
			receipt, err := outcome(t, l)
			if err != nil || receipt.Message.ID != (chat.EventID{Epoch: said.ID.Epoch, Seq: int64(i + 1)}) {
				t.Errorf("post %d: %+v, %v", i+1, receipt, err)
			}
			if want := fmt.Sprintf(`{"id":%q,`, receipt.Message.ID); !strings.HasPrefix(string(receipt.JSON), want) {
				t.Errorf("post %d is answered with %s", i+1, receipt.JSON)
			}
		}
		m, err := listener.ReceiveMessage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if events, ok := parseAnnouncement(m.Payload); !ok || !slices.Equal(textsOf(t, events), numbers(1, 3)) {
			t.Errorf("announced as %q", m.Payload)
		}
		eventually(t, "the reader has all", func() bool { return len(r.of(chat.KindMessage)) == 4 })
		contiguous(t, r.of(chat.KindMessage))
	})
}

func TestLandGroup_AnswersEachForItself(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.MessageRate, o.MessageBurst = 0.01, 2
		s := idle(t, addr, o)
		if err := s.Claim(t.Context(), "p_bob", "bob"); err != nil {
			t.Fatal(err)
		}
		nonce := func(text string, n chat.Nonce) Post {
			p := post(text)
			p.Nonce = n
			return p
		}
		impostor := post("I am bob")
		impostor.Message.Author.Nickname = "bob"
		gone, goAway := context.WithCancel(t.Context())
		goAway()
		all := group(t, nonce("a", "n1"), nonce("a", "n1"), nonce("b", "n1"), impostor, post("left"), nonce("c", "n2"), nonce("d", "n3"))
		all[4].ctx = gone
		s.landGroup(lobby, slices.Clone(all))
		first, err := outcome(t, all[0])
		if err != nil || first.Duplicate {
			t.Errorf("the first: %+v, %v", first, err)
		}
		if again, err := outcome(t, all[1]); err != nil || !again.Duplicate || again.Message.ID != first.Message.ID {
			t.Errorf("its repetition: %+v, %v", again, err)
		}
		if _, err := outcome(t, all[2]); !errors.Is(err, chat.ErrNonceReused) {
			t.Errorf("its nonce for another text: %v", err)
		}
		if _, err := outcome(t, all[3]); !errors.Is(err, errNotHeld) {
			t.Errorf("under somebody else's nickname: %v", err)
		}
		if len(all[4].done) > 0 {
			t.Error("who went away is answered")
		}
		if _, err := outcome(t, all[5]); err != nil {
			t.Errorf("the second of two that the rate allows: %v", err)
		}
		if _, err := outcome(t, all[6]); err == nil {
			t.Error("the third passed")
		}
		page, err := s.Before(t.Context(), lobby, chat.EventID{}, 10)
		if err != nil || !slices.Equal(textsOf(t, page.Events), []string{"a", "c"}) {
			t.Errorf("the log has %v, error %v", textsOf(t, page.Events), err)
		}
		if n := s.client.Exists(t.Context(), s.keys.nonce(lobby, "p_ana", "n3")).Val(); n != 0 {
			t.Error("the nonce of what was limited is kept: it would count as landed when it is tried again")
		}
	})
}

func TestAppend_ManyAtOnceShareSteps(t *testing.T) {
	server := startRedis(t)
	o := quick()
	o.Timeout = soon
	s := idle(t, server.addr, o)
	say(t, s, "first, so that the script is known")
	before := scriptRuns(t, s)
	server.freeze(t)
	const many = 2*maxGroup + 1
	done := make(chan error, many)
	for i := range many {
		go func() {
			_, err := s.Append(t.Context(), post(fmt.Sprint(i)))
			done <- err
		}()
	}
	eventually(t, "all wait but those that are under way", func() bool {
		s.landings.mu.Lock()
		defer s.landings.mu.Unlock()
		r := s.landings.rooms[lobby]
		return r != nil && len(r.waiting) == many-1-worthAnother
	})
	server.thaw(t)
	for range many {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if steps := scriptRuns(t, s) - before; steps != 4 { // of 1, 16, 64 and 48
		t.Errorf("%d posts took %d steps", many, steps)
	}
	eventually(t, "the room is idle", func() bool {
		s.landings.mu.Lock()
		defer s.landings.mu.Unlock()
		return len(s.landings.rooms) == 0
	})
}

// scriptRuns is how many scripts a real Redis has run.
func scriptRuns(t testing.TB, s *Store) (runs int) {
	t.Helper()
	_, found, ok := strings.Cut(s.client.Info(t.Context(), "commandstats").Val(), "cmdstat_evalsha:calls=")
	if _, err := fmt.Sscan(strings.Split(found, ",")[0], &runs); !ok || err != nil {
		t.Fatal("Redis does not count scripts")
	}
	return runs
}

// adds has posts wait that are all l, and returns the sizes of the groups to be landed.
func (w *landings) adds(t testing.TB, l *landing, n int) (sizes []int) {
	t.Helper()
	for range n {
		group, err := w.add(l)
		must(t, err)
		if group != nil {
			sizes = append(sizes, len(group))
		}
	}
	return sizes
}

func TestLandings_TakeAnotherStepWhenManyWait(t *testing.T) {
	w := newLandings()
	l := group(t, post("x"))[0]
	if got := w.adds(t, l, 1); !slices.Equal(got, []int{1}) {
		t.Errorf("a lone post: groups of %d", got)
	}
	if got := w.adds(t, l, worthAnother-1); got != nil {
		t.Errorf("few more: groups of %d", got)
	}
	if got := w.adds(t, l, 3*worthAnother); !slices.Equal(got, []int{worthAnother}) {
		t.Errorf("many more: groups of %d", got)
	}
	for i, want := range []int{3*worthAnother - 1, 0, 0} {
		if got := w.next(lobby); len(got) != want || got != nil != (want > 0) {
			t.Errorf("step %d lands %d", i, len(got))
		}
	}
	if len(w.rooms) != 0 {
		t.Error("a room is kept whose posts are all landed")
	}
	w.adds(t, l, 1+worthAnother+1)
	if got := w.next(lobby); got != nil {
		t.Errorf("one that waits is not left to the step that is under way: %d", len(got))
	}
	if got := w.next(lobby); len(got) != 1 {
		t.Errorf("the last step leaves one behind: %d", len(got))
	}
}

func TestLandings_AreBounded(t *testing.T) {
	w := newLandings()
	long := post(strings.Repeat("x", chat.MaxTextBytes))
	l := group(t, long)[0]
	w.adds(t, l, 1+worthAnother+maxWaiting)
	if _, err := w.add(l); !errors.Is(err, chat.ErrBusy) {
		t.Errorf("one too many: %v", err)
	}
	taken, most := 0, 0
	for range maxSteps {
		for g := w.next(lobby); g != nil; g = w.next(lobby) {
			taken, most = taken+len(g), max(most, len(g)*len(l.payload))
		}
	}
	if taken != maxWaiting || most >= maxGroupBytes+len(l.payload) {
		t.Errorf("%d taken, at most %d bytes at once", taken, most)
	}
	if got := w.adds(t, l, 1); !slices.Equal(got, []int{1}) {
		t.Errorf("a room whose posts are all landed is not idle: groups of %d", got)
	}
}

func TestParseAnnouncement_TellsWhatIsNone(t *testing.T) {
	for _, payload := range []string{"", "\n", "x", "1-1", "\n\n{}", "\nmessage\n{}", "1-1\n{}\nx\n{}", "1-1\n{}\n\n{}"} {
		if events, ok := parseAnnouncement(payload); ok {
			t.Errorf("%q: %v", payload, events)
		}
	}
	events, ok := parseAnnouncement("1-1\n{}\n1-2\n{\"a\":1}")
	if !ok || len(events) != 2 || events[1].ID.Seq != 2 || string(events[1].Data) != `{"a":1}` {
		t.Errorf("%v, %t", events, ok)
	}
	if events, ok := parseAnnouncement("\ntyping\n{}"); !ok || len(events) != 1 || events[0].Kind != chat.KindTyping {
		t.Errorf("%v, %t", events, ok)
	}
}
