package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"causette/bench/proc"
)

// Argument makes the benchmark's own program a generator: it is its first one.
const Argument = "load-generator"

// MaxReaders is how many readers one generator holds: a process may have 20,000
// files where this is measured, and wants a few for itself.
const MaxReaders = 19_000

// Generator is a generator's process, seen from the benchmark.
type Generator struct {
	process  *proc.Process
	commands io.WriteCloser
	to       *json.Encoder
	from     *json.Decoder
}

// Start starts a generator, which ends with Stop or ctx.
func Start(ctx context.Context) (*Generator, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, Argument)
	commands, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	replies, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	g := &Generator{commands: commands, to: json.NewEncoder(commands), from: json.NewDecoder(replies)}
	g.process, err = proc.Start(ctx, "the load generator", cmd)
	return g, err
}

// Stop ends the generator and all its connections. A nil Generator was never started.
func (g *Generator) Stop() {
	if g != nil && g.process != nil {
		g.process.Stop()
	}
}

// Resident is the generator's own memory, in bytes.
func (g *Generator) Resident() (int64, error) { return proc.Resident([]int{g.process.PID()}) }

// Connect opens readers, and returns when all are in, failed, or too late.
func (g *Generator) Connect(c Connect) (Connected, error) {
	r, err := g.ask(command{Connect: &c}, nil)
	if err != nil {
		return Connected{}, err
	}
	return *r.Connected, nil
}

// Run publishes and listens; begin is called just before the first measured message.
func (g *Generator) Run(r Run, begin func() error) (Ran, error) {
	answer, err := g.ask(command{Run: &r}, begin)
	if err != nil {
		return Ran{}, err
	}
	return *answer.Ran, nil
}

// Post posts as fast as it is answered; begin is called between warm-up and window.
func (g *Generator) Post(p Posts, begin func() error) (Posted, error) {
	r, err := g.ask(command{Post: &p}, begin)
	if err != nil {
		return Posted{}, err
	}
	return *r.Posted, nil
}

// Rest lets the readers read for a while.
func (g *Generator) Rest(seconds float64) (Rested, error) {
	r, err := g.ask(command{Rest: &Rest{Seconds: seconds}}, nil)
	if err != nil {
		return Rested{}, err
	}
	return *r.Rested, nil
}

func (g *Generator) ask(c command, begin func() error) (reply, error) {
	if err := g.to.Encode(c); err != nil {
		return reply{}, g.gone(err)
	}
	for {
		var r reply
		if err := g.from.Decode(&r); err != nil {
			return reply{}, g.gone(err)
		}
		if r.Error != "" {
			return reply{}, fmt.Errorf("load generator: %w", errors.New(r.Error))
		}
		if !r.Begin {
			return r, nil
		}
		if begin != nil {
			if err := begin(); err != nil {
				return reply{}, err
			}
		}
		if err := g.to.Encode(true); err != nil {
			return reply{}, g.gone(err)
		}
	}
}

func (g *Generator) gone(err error) error {
	return fmt.Errorf("the load generator is gone: %w: %s", err, g.process.Output())
}
