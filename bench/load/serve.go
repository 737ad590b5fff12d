package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// process is the whole state of a generator's process. Owned by one goroutine.
type process struct {
	*loop
	rooms   map[int]*room
	cut     int    // readers that the server hung up on, in all
	bytes   int    // that came to readers, in all
	trouble string // the first thing that went wrong since the last command
}

// room is what the readers of one room have in common.
type room struct {
	number  int
	next    uint32 // number of the next message
	readers int    // that were let in, also those cut since: they miss what follows
	score   *score // of the stream that is published in it; nil between runs
}

func (p *process) room(number int) *room {
	r := p.rooms[number]
	if r == nil {
		r = &room{number: number}
		p.rooms[number] = r
	}
	return r
}

// blame keeps the first thing that went wrong.
func (p *process) blame(format string, args ...any) {
	if p.trouble == "" {
		p.trouble = fmt.Sprintf(format, args...)
	}
}

// Serve is the generator's process: it carries out the commands that it reads
// from in, until in ends.
func Serve(in io.Reader, out io.Writer) error {
	runtime.LockOSThread()
	debug.SetGCPercent(400) // there is little garbage, and no moment for it
	p, err := newProcess()
	if err != nil {
		return err
	}
	return p.serve(in, out)
}

func newProcess() (*process, error) {
	l, err := newLoop()
	return &process{loop: l, rooms: map[int]*room{}}, err
}

func (p *process) serve(in io.Reader, out io.Writer) error {
	commands, replies := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var c command
		if err := commands.Decode(&c); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read a command: %w", err)
		}
		begin := func() error { return await(commands, replies) }
		if err := replies.Encode(p.carryOut(c, begin)); err != nil {
			return fmt.Errorf("reply: %w", err)
		}
	}
}

// await says that the measured part begins, and waits for leave.
func await(commands *json.Decoder, replies *json.Encoder) error {
	if err := replies.Encode(reply{Begin: true}); err != nil {
		return err
	}
	var leave bool
	return commands.Decode(&leave)
}

func (p *process) carryOut(c command, begin func() error) (r reply) {
	p.trouble = ""
	var err error
	switch {
	case c.Connect != nil:
		r.Connected, err = p.connect(*c.Connect)
	case c.Run != nil:
		r.Ran, err = p.run(*c.Run, begin)
	case c.Post != nil:
		r.Posted, err = p.post(*c.Post, begin)
	case c.Rest != nil:
		r.Rested, err = p.rest(*c.Rest)
	default:
		err = errors.New("no such command")
	}
	if err != nil {
		r.Error = err.Error()
	}
	return r
}
