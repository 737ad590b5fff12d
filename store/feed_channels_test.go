package store

import (
	"errors"
	"testing"
)

func TestChannels_AreSubscribedOnceTheLastQuestionIsAnswered(t *testing.T) {
	c := newChannels()
	for _, on := range []bool{true, false, true} {
		if !c.want("a", on) || c.want("a", on) {
			t.Fatal("not asked, or twice")
		}
	}
	for i, want := range []bool{false, false, true} {
		if is, err := c.confirmed("a", i != 1); is != want || err != nil {
			t.Errorf("answer %d: %t, %v", i, is, err)
		}
	}
	if !c.active("a") || c.active("b") {
		t.Errorf("a active %t, b %t", c.active("a"), c.active("b"))
	}
	c.want("a", false)
	if is, err := c.confirmed("a", false); is || err != nil || len(c.states) > 0 {
		t.Errorf("%t, %v, %d left", is, err, len(c.states))
	}
}

func TestChannels_GiveAwayAConnectionThatWasReplaced(t *testing.T) {
	for name, answer := range map[string]question{
		"again": {"a", true}, "another": {"c", true}, "out of turn": {"b", false},
	} {
		c := newChannels()
		c.want("a", true)
		_, _ = c.confirmed("a", true)
		c.want("b", true)
		if _, err := c.confirmed(answer.channel, answer.on); !errors.Is(err, errResubscribed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
