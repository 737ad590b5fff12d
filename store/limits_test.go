package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"causette/chat"
)

// by is a post by one of the sessions of an address, to a room of its own.
func by(session int, address string) Post {
	p := post("salut")
	p.Who, p.Message.Author.ID = fmt.Sprint("p_", session), fmt.Sprint("p_", session)
	p.Room, p.Address = chat.RoomID(fmt.Sprint("room", session)), address
	return p
}

// policyOf is the limit that refused, "" if none did.
func policyOf(err error) string {
	if limited, ok := errors.AsType[*chat.RateLimited](err); ok {
		return limited.Policy
	}
	return ""
}

// aboutTheBurst reports whether n is an address's burst, and what may be uncharged of it on
// so many instances.
func aboutTheBurst(n, burst, batch, instances int) bool {
	return n >= burst && n <= burst+(instances+1)*batch
}

func TestAddress_AllItsSessionsTogetherAreHeldToItsRateOverAllInstances(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.MessageRate, o.MessageBurst = 0.01, 5
		instances := []*Store{idle(t, addr, o), idle(t, addr, o)}
		said, refused := 0, ""
		for n := range 200 { // forty sessions of five messages each
			_, err := instances[n%2].Append(t.Context(), by(n/5, "192.0.2.1"))
			if err == nil {
				said++
			} else if refused = policyOf(err); refused == "" {
				t.Fatal(err)
			}
		}
		if !aboutTheBurst(said, addressBurst*o.MessageBurst, leastMessageBatch, 2) || refused != "address" {
			t.Errorf("%d messages of one address, then refused by %q", said, refused)
		}
		if _, err := instances[0].Append(t.Context(), by(100, "192.0.2.2")); err != nil {
			t.Errorf("another address: %v", err)
		}
		if _, err := instances[0].Append(t.Context(), by(101, "")); err != nil {
			t.Errorf("nobody's address: %v", err)
		}
	})
}

func TestAddress_ALongMessageCountsAsSeveral(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.MessageRate, o.MessageBurst = 0.01, 10
		s := idle(t, addr, o)
		said := 0
		for n := range 200 {
			p := by(n, "192.0.2.1")
			p.Message.Text = chat.Text(strings.Repeat("x", 8000)) // counts as four
			if _, err := s.Append(t.Context(), p); err == nil {
				said++
			}
		}
		if burst := addressBurst * o.MessageBurst / 4; !aboutTheBurst(said, burst, leastMessageBatch/4+1, 1) {
			t.Errorf("%d messages of 8,000 bytes", said)
		}
	})
}

func TestAddress_StoresSoMuchADayOverAllInstancesAndIsNotForgotten(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.MessageRate, o.MessageBurst, o.HistoryBytes = 10_000, 10_000, 100_000
		instances := []*Store{idle(t, addr, o), idle(t, addr, o)}
		stored, refused := 0, error(nil)
		for n := 0; n < 200 && refused == nil; n++ {
			p := by(n, "192.0.2.1")
			p.Message.Text = chat.Text(strings.Repeat("x", 2000))
			receipt, err := instances[n%2].Append(t.Context(), p)
			stored, refused = stored+len(receipt.JSON), err
		}
		if most := int(o.HistoryBytes) + 4*storedBatch*storedUnit; policyOf(refused) != "storage" || stored < int(o.HistoryBytes) || stored > most {
			t.Errorf("%d bytes were stored, then %v", stored, refused)
		}
		l := instances[0].limits.stored
		for _, s := range instances[1:] {
			if policyOf(s.limits.stored.allow("192.0.2.1")) == "storage" {
				l = s.limits.stored
			}
		}
		for range 3 { // times in which nothing is counted of it
			l.mu.Lock()
			l.turnLocked(time.Now())
			l.mu.Unlock()
		}
		if err := l.allow("192.0.2.1"); policyOf(err) != "storage" {
			t.Errorf("it has to wait a day, and was forgotten: %v", err)
		}
		if _, err := instances[0].Append(t.Context(), by(0, "192.0.2.2")); err != nil {
			t.Errorf("somebody else: %v", err)
		}
	})
}

func TestAddress_TypingCountsAsMuchAsSaying(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.MessageRate, o.MessageBurst = 0.01, 3
		s := idle(t, addr, o)
		told := 0
		for n := range 100 {
			err := s.Typing(t.Context(), lobby, chat.Person{ID: fmt.Sprint("p_", n), Nickname: "ana"}, "192.0.2.1")
			if policyOf(err) == "address" {
				break
			}
			must(t, err)
			told++
		}
		if burst := addressBurst * o.MessageBurst; !aboutTheBurst(told, burst, leastMessageBatch, 1) {
			t.Errorf("%d were told", told)
		}
	})
}

func TestAddress_RefusedAndRepeatedPostsAreChargedToo(t *testing.T) {
	for what, alter := range map[string]func(*Post){
		"repeated":        func(p *Post) { p.Nonce = "n1" },
		"another text":    func(p *Post) { p.Nonce, p.Message.Text = "n1", chat.Text(fmt.Sprint(time.Now())) },
		"a held nickname": func(p *Post) { p.Message.Author.Nickname = "bob" },
	} {
		t.Run(what, func(t *testing.T) {
			eachRedis(t, func(t *testing.T, addr string) {
				o := quick()
				o.MessageRate, o.MessageBurst = 0.01, 3
				s := idle(t, addr, o)
				must(t, s.Claim(t.Context(), "p_bob", "bob"))
				first := by(1, "192.0.2.1")
				first.Nonce = "n1"
				if _, err := s.Append(t.Context(), first); err != nil {
					t.Fatal(err)
				}
				asked := 0
				for range 100 {
					p := by(1, "192.0.2.1")
					alter(&p)
					if _, err := s.Append(t.Context(), p); policyOf(err) == "address" {
						break
					}
					asked++
				}
				if burst := addressBurst * o.MessageBurst; !aboutTheBurst(asked+1, burst, leastMessageBatch, 1) {
					t.Errorf("%d were let through to Redis", asked)
				}
			})
		})
	}
}

func TestRooms_AnAddressBeginsSoManyOverAllInstances(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.RoomRate = 3
		instances := []*Store{idle(t, addr, o), idle(t, addr, o)}
		for n := range 5 {
			p := by(n, "192.0.2.1")
			p.Nonce = "n1"
			_, err := instances[n%2].Append(t.Context(), p)
			if n < 3 && err != nil || n >= 3 && policyOf(err) != "rooms" {
				t.Errorf("room %d: %v", n, err)
			}
			if found := instances[0].client.Exists(t.Context(), instances[0].keys.log(p.Room), instances[0].keys.nonce(p.Room, p.Message.Author.ID, "n1")).Val(); n >= 3 && found != 0 {
				t.Error("something of the room is left")
			}
		}
		s := instances[0]
		again, loud := by(1, "192.0.2.1"), by(7, "192.0.2.1")
		loud.Room = lobby
		for what, p := range map[string]Post{
			"a room that is there": again, "the lobby": loud, "another address": by(8, "192.0.2.2"), "nobody's": by(9, ""),
		} {
			if _, err := s.Append(t.Context(), p); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		again.Nonce = "n1"
		must(t, s.client.Del(t.Context(), s.keys.log(again.Room), s.keys.head(again.Room)).Err())
		if r, err := s.Append(t.Context(), again); err != nil || !r.Duplicate {
			t.Errorf("a repetition, in a room that is gone: %+v, error %v", r, err)
		}
	})
}

func TestRooms_OfAGroupOneMayBeginTheRoomForAll(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.RoomRate = 3
		s := idle(t, addr, o)
		all := group(t, by(1, "192.0.2.1"), by(1, "192.0.2.1"))
		s.landGroup("room1", all)
		for _, l := range all {
			if _, err := outcome(t, l); !errors.Is(err, errNewRoom) {
				t.Errorf("without leave: %v", err)
			}
		}
		all[1].mayBegin = true
		s.landGroup("room1", all)
		for _, l := range all {
			if _, err := outcome(t, l); err != nil {
				t.Errorf("with it: %v", err)
			}
		}
	})
}
