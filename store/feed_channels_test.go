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
	for i, want := range []standing{unsettled, unsettled, subscribed} {
		if is, err := c.confirmed("a", i != 1, true); is != want || err != nil {
			t.Errorf("answer %d: %d, %v", i, is, err)
		}
	}
	if !c.active("a") || c.active("b") {
		t.Errorf("a active %t, b %t", c.active("a"), c.active("b"))
	}
	c.want("a", false)
	if is, err := c.confirmed("a", false, true); is != unsettled || err != nil || len(c.states) > 0 {
		t.Errorf("%d, %v, %d left", is, err, len(c.states))
	}
}

func TestChannels_GiveAwayAConnectionThatWasReplaced(t *testing.T) {
	for name, answer := range map[string]question{
		"again": {"a", true}, "another": {"c", true}, "out of turn": {"b", false},
	} {
		c := newChannels()
		c.want("a", true)
		_, _ = c.confirmed("a", true, false)
		c.want("b", true)
		if _, err := c.confirmed(answer.channel, answer.on, false); !errors.Is(err, errResubscribed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChannels_AreWithdrawnOnlyIfTheyHadBeenGiven(t *testing.T) {
	c := newChannels()
	c.want("a", true)
	_, _ = c.confirmed("a", true, true)
	c.want("b", true)
	for channel, want := range map[string]standing{"a": withdrawn, "b": unsettled, "c": unsettled} {
		if is, err := c.confirmed(channel, false, true); is != want || err != nil {
			t.Errorf("%s: %d, %v", channel, is, err)
		}
	}
	if is, err := c.confirmed("b", true, true); is != subscribed || err != nil {
		t.Errorf("b: %d, %v", is, err)
	}
	if !c.want("a", true) {
		t.Error("what was withdrawn is not asked for again")
	}
}

func TestChannels_AnErrorIsTheAnswerToTheOldestQuestion(t *testing.T) {
	c := newChannels()
	c.want("a", true)
	c.want("b", true)
	c.want("a", false)
	for _, want := range []question{{"a", false}, {"b", true}, {"a", false}} {
		channel, is, ok := c.refused()
		if channel != want.channel || (is == withdrawn) != want.on || !ok {
			t.Errorf("%s: %d, %t", channel, is, ok)
		}
	}
	if _, _, ok := c.refused(); ok || len(c.states) > 0 {
		t.Errorf("%d left", len(c.states))
	}
}

// A withdrawal that comes while the end of the subscription is asked for is taken for its
// answer. Then the answer is taken for another channel's, whose own has nobody waiting.
func TestChannels_AWithdrawalMistakenForAnAnswerIsFoundOut(t *testing.T) {
	c := newChannels()
	c.want("a", true)
	_, _ = c.confirmed("a", true, true)
	c.want("a", false)
	c.want("b", true)
	_, _ = c.confirmed("a", false, true) // Redis's own
	if channel, is, _ := c.refused(); channel != "b" || is != withdrawn {
		t.Fatalf("%s: %d", channel, is)
	}
	if _, err := c.confirmed("b", true, true); !errors.Is(err, errResubscribed) {
		t.Error(err)
	}
}
