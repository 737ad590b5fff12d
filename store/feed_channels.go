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

// confirmed takes a confirmation. It reports whether the channel is subscribed from now
// on.
func (c *channels) confirmed(channel string, on bool) (active bool, err error) {
	if len(c.asked) == 0 || c.asked[0] != (question{channel, on}) {
		return false, errResubscribed
	}
	c.answered()
	return on && c.active(channel), nil
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
