package store

import (
	"errors"
	"testing"
	"time"

	"causette/chat"
)

// The rate of a session in all rooms is looked at before Redis is, unlike that of a room.
func TestAppend_AKnownNonceIsAnsweredHoweverMuchItsSessionSaidSince(t *testing.T) {
	eachRedis(t, func(t *testing.T, addr string) {
		o := quick()
		o.MessageRate, o.MessageBurst = 0.01, 20
		s := idle(t, addr, o)
		p := by(1, "192.0.2.1")
		p.Nonce, p.Message.Nonce = "n1", "n1"
		first, err := s.Append(t.Context(), p)
		must(t, err)
		s.limits.messages.charged(p.Who, 0, time.Hour, nil)
		unknown, nameless := p, p
		unknown.Nonce, nameless.Nonce = "n2", ""
		for what, p := range map[string]Post{"an unknown nonce": unknown, "none": nameless} {
			if _, err := s.Append(t.Context(), p); policyOf(err) != "messages" {
				t.Errorf("%s: %v", what, err)
			}
		}
		for _, when := range []string{"in the log", "let go of"} {
			again, err := s.Append(t.Context(), p)
			if err != nil || !again.Duplicate || again.Message.ID != first.Message.ID || again.Message.Text != "salut" {
				t.Errorf("its own, %s: %+v, error %v", when, again, err)
			}
			must(t, s.client.Del(t.Context(), s.keys.log(p.Room)).Err())
		}
		p.Message.Text = "adieu"
		if _, err := s.Append(t.Context(), p); !errors.Is(err, chat.ErrNonceReused) {
			t.Errorf("its own, for another text: %v", err)
		}
	})
}
