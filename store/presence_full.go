package store

import "context"

// putOff tells a full Redis, which refused to take who came, of those who left alone: it
// gets emptier by them. The lease is renewed with it.
func (p *presence) putOff(call context.Context, t *telling) {
	left := make([]change, 0, len(t.list))
	for _, c := range t.list {
		if c.op == "leave" {
			left = append(left, c)
		} else {
			t.put = append(t.put, c)
		}
	}
	t.list = left
	keys, args := p.s.presenceCall(t)
	t.cmd = presenceScript.Run(call, p.s.client, keys, args...)
}
