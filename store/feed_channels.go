package store

import "errors"

var errResubscribed = errors.New("connection was replaced unasked")

// channels is what a session has asked its Redis for, and what was answered.
//
// go-redis would connect and subscribe again by itself, and hide what was missed
// meanwhile. A confirmation that nobody is waiting for gives that away; it ends
// the session like any error, and the next one reads what is missing.
type channels struct {
	states map[string]*channelState
	asked  []question // not answered yet: Redis answers in the order in which it was asked
}

type question struct {
	channel string
	on      bool
}

// channelState is what was last asked of a channel, and how many of its questions
// are outstanding. Only when there are none is it so.
type channelState struct {
	subscribed  bool
	outstanding int
}

// standing is what an answer says of a channel.
type standing uint8

const (
	unsettled  standing = iota // or not subscribed, as was asked
	subscribed                 // from now on
	withdrawn                  // though asked for: Redis does not have it, or not any more
)

func newChannels() channels { return channels{states: make(map[string]*channelState)} }

// active reports whether a channel is subscribed, and that is not about to change.
func (c *channels) active(channel string) bool {
	state := c.states[channel]
	return state != nil && state.subscribed && state.outstanding == 0
}

// want notes that a channel is to be subscribed, or not. It reports whether Redis is to
// be asked; if so, in the order of these calls.
func (c *channels) want(channel string, on bool) (ask bool) {
	state := c.states[channel]
	switch {
	case state == nil && !on, state != nil && state.subscribed == on:
		return false
	case state == nil:
		state = &channelState{}
		c.states[channel] = state
	}
	state.subscribed = on
	state.outstanding++
	c.asked = append(c.asked, question{channel, on})
	return true
}

// confirmed takes a confirmation. One of no subscription, of a channel of which nobody
// asked that, is Redis's own: the channel's slot went to another node.
func (c *channels) confirmed(channel string, on, sharded bool) (standing, error) {
	if len(c.asked) > 0 && c.asked[0] == (question{channel, on}) {
		c.answered()
		if on && c.active(channel) {
			return subscribed, nil
		}
		return unsettled, nil
	}
	if on || !sharded {
		return unsettled, errResubscribed
	}
	if !c.active(channel) {
		return unsettled, nil // on its way out, or asked for anew: that has an answer of its own
	}
	delete(c.states, channel)
	return withdrawn, nil
}

// refused takes an error in the place of the next answer. It is not ok if nothing was asked.
//
// If Redis withdraws a channel just when it is asked to, the withdrawal passes for the
// answer, and the error that is the answer for the next one's. That gets a confirmation
// that nobody waits for, and ends the session: seldom, and nothing is missed.
func (c *channels) refused() (channel string, is standing, ok bool) {
	if len(c.asked) == 0 {
		return "", unsettled, false
	}
	q := c.asked[0]
	c.answered()
	if state := c.states[q.channel]; q.on && state != nil && state.outstanding == 0 {
		delete(c.states, q.channel)
		return q.channel, withdrawn, true
	}
	return q.channel, unsettled, true
}

// answered takes the first question off, and forgets a channel that is not wanted.
func (c *channels) answered() {
	q := c.asked[0]
	c.asked = c.asked[1:]
	state := c.states[q.channel]
	state.outstanding--
	if state.outstanding == 0 && !state.subscribed {
		delete(c.states, q.channel)
	}
}
