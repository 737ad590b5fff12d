package load

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// entry is a Connect under way.
type entry struct {
	Connect
	process *process
	reader  Reader
	tmpl    *template
	result  Connected
	begun   int // readers that were dialled
}

// request is what a reader sends first.
func (e *entry) request(r *reader) []byte {
	request := e.tmpl.fill(r.room.number, 0, 0, 0)
	if r.number >= len(e.Lines) {
		return request
	}
	request = bytes.TrimSuffix(request, []byte("\r\n"))
	return append(slices.Clone(request), e.Lines[r.number]+"\r\n\r\n"...)
}

func (e *entry) letIn(r *reader) {
	e.result.Readers++
	r.room.readers++
	r.track = trackFrom(r.room.next)
}

func (e *entry) fail(err error) {
	e.result.Failed++
	e.blame("%v", err)
}

func (e *entry) blame(format string, args ...any) {
	if e.result.Why == "" {
		e.result.Why = fmt.Sprintf(format, args...)
	}
}

// connect opens readers until all are in, some at a time.
func (p *process) connect(c Connect) (*Connected, error) {
	address, err := netip.ParseAddrPort(c.Address)
	if err != nil {
		return nil, err
	}
	var source netip.AddrPort
	if c.Source != "" {
		if source, err = netip.ParseAddrPort(c.Source + ":0"); err != nil {
			return nil, err
		}
	}
	e := &entry{Connect: c, process: p, reader: c.Reader, tmpl: newTemplate(c.Reader.Request)}
	begun := p.now()
	deadline := begun + int64(seconds(c.Limit))
	for total := c.Rooms * c.Each; e.result.Readers+e.result.Failed < total; {
		for e.begun < total && e.begun-e.result.Readers-e.result.Failed < c.AtOnce {
			e.dial(address, source)
		}
		if err := p.poll(100 * time.Millisecond); err != nil {
			return nil, err
		}
		if p.now() > deadline {
			e.blame("only %d of %d came in within %s", e.result.Readers, total, seconds(c.Limit))
			break
		}
	}
	e.result.Seconds = time.Duration(p.now() - begun).Seconds()
	return &e.result, nil
}

// dial begins the next reader. All rooms get their first one, then their second.
func (e *entry) dial(address, source netip.AddrPort) {
	r := &reader{process: e.process, entry: e, number: e.begun, room: e.process.room(e.FirstRoom + e.begun%e.Rooms)}
	e.begun++
	fd, err := e.process.dial(address, source, r)
	if err != nil {
		e.fail(err)
		return
	}
	r.fd = fd
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
