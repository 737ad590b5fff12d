package load

import (
	"errors"
	"time"
)

// post lets each client post again as soon as it was answered: for the warm-up,
// then for the measured window.
func (p *process) post(posts Posts, begin func() error) (*Posted, error) {
	crew := &crew{process: p}
	defer crew.close()
	for i, request := range posts.Requests {
		if err := crew.join(posts.Address, i, request); err != nil {
			return nil, err
		}
	}
	if err := crew.work(seconds(posts.Warm)); err != nil {
		return nil, err
	}
	if err := begin(); err != nil {
		return nil, err
	}
	crew.result = Posted{}
	wall, busy := p.now(), p.startWatch()
	if err := crew.work(seconds(posts.Seconds)); err != nil {
		return nil, err
	}
	crew.result.Seconds = time.Duration(p.now() - wall).Seconds()
	crew.result.Busy = busy()
	crew.result.Why = crew.why(p)
	return &crew.result, nil
}

// crew is the clients of a Posts.
type crew struct {
	process *process
	clients []*client
	working bool
	result  Posted
}

// client is one connection that posts.
type client struct {
	crew   *crew
	pipe   *pipe
	tmpl   *template
	number int
	count  uint64
	sent   int64
}

func (c *crew) join(address string, number int, request []byte) error {
	one := &client{crew: c, tmpl: newTemplate(request), number: number}
	var err error
	one.pipe, err = c.process.newPipe(address, one.answered)
	c.clients = append(c.clients, one)
	return err
}

// answerLimit is how long the last posts may take.
const answerLimit = 10 * time.Second

// work lasts until every post that was begun within d is answered.
func (c *crew) work(d time.Duration) error {
	c.working = true
	for _, one := range c.clients {
		one.post()
	}
	end := c.process.now() + int64(d)
	for c.process.now() < end || c.busy() {
		if c.process.now() > end {
			c.working = false
		}
		if c.process.now() > end+int64(answerLimit) {
			return errors.New("posts were not answered")
		}
		if err := c.process.poll(10 * time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (c *crew) busy() bool {
	for _, one := range c.clients {
		if one.pipe.waiting > 0 && one.pipe.err == nil {
			return true
		}
	}
	return false
}

func (one *client) post() {
	if one.pipe.err != nil {
		return
	}
	one.count++
	one.sent = one.crew.process.now()
	// The nonce has 15 digits: the client, and its count.
	nonce := uint64(one.number)*1e10 + one.count
	one.pipe.send(one.tmpl.fill(0, uint32(one.count%1e9), one.sent, nonce))
}

func (one *client) answered(n int) {
	c := one.crew
	c.result.Answered += n
	c.result.Delay.Add(time.Duration(c.process.now() - one.sent))
	if c.working {
		one.post()
	}
}

// why is the first thing that went wrong, and counts what was refused.
func (c *crew) why(p *process) string {
	for _, one := range c.clients {
		c.result.Refused += one.pipe.refused
		if why := one.pipe.verdict(); why != "" {
			p.blame("%s", why)
		}
	}
	return p.trouble
}

func (c *crew) close() {
	for _, one := range c.clients {
		if one.pipe != nil {
			one.pipe.close()
		}
	}
}
